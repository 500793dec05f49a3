/** On webview-bun's own libraries: what Debian's WebKitGTK does not bring is no longer asked for. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseNeeds, withoutNeeds } from "../../../build/formats/elf-dynamic.ts";
import { ErthError } from "../../../runtime/base/errors.ts";

const FOLDER = join(import.meta.dirname, "../../../node_modules/webview-bun/build");
const read = (name: string): Uint8Array => readFileSync(join(FOLDER, name));
const x64 = read("libwebview-x64.so");

test.each(["libwebview-x64.so", "libwebview-arm64.so"])("%s loses one library and its run path, no more", (name) => {
  const before = read(name);
  const needs = parseNeeds(before);
  expect(needs.libraries).toContain("libvulkan.so.1");
  // Empty folders in it: the linker would look in whatever folder the app was started from.
  expect(needs.runPaths).toEqual([expect.stringMatching(/^:+$/)]);
  const after = withoutNeeds(before, ["libvulkan.so.1"]);
  const kept = needs.libraries.filter((library) => library !== "libvulkan.so.1");
  expect(parseNeeds(after)).toEqual({ libraries: kept, runPaths: [] });
  const changed = [...after.keys()].filter((at) => after[at] !== before[at]);
  expect(changed.at(-1)! - changed[0]!).toBeLessThan(64 * 16);
  expect(withoutNeeds(after, ["libvulkan.so.1"])).toEqual(after);
});

test("not one symbol is Vulkan's, so nothing is lost", () => {
  for (const name of ["libwebview-x64.so", "libwebview-arm64.so"])
    expect(Buffer.from(read(name)).toString("latin1")).not.toMatch(/\0vk[A-Z]\w+\0/);
});

test("a library whose versioned symbols are used is not dropped", () => {
  expect(() => withoutNeeds(x64, ["libstdc++.so.6"])).toThrow(
    expect.objectContaining({ code: "ELF_MALFORMED", message: expect.stringContaining("libstdc++.so.6") }),
  );
});

test.each([
  ["nothing", Buffer.alloc(0)],
  ["text", Buffer.alloc(200, "text")],
  ["a PE", Buffer.concat([Buffer.from("MZ"), Buffer.alloc(200)])],
])("%s is refused", (_, bytes) => {
  expect(() => withoutNeeds(bytes, [])).toThrow(expect.objectContaining({ code: "ELF_MALFORMED" }));
});

test("a file cut short is refused, or whole in all that was looked at", () => {
  const whole = parseNeeds(x64);
  for (let length = 0; length < x64.length; length += 61) {
    try {
      expect(parseNeeds(x64.subarray(0, length))).toEqual(whole);
    } catch (error) {
      if (!(error instanceof ErthError)) throw error;
    }
  }
  expect(() => parseNeeds(x64.subarray(0, 0x10cb0 + 100))).toThrow(ErthError);
});

test("damaged headers give an answer or a code, never a crash or a longer file", () => {
  const header = fc.nat(64 + 9 * 56);
  const dynamic = fc.integer({ min: 0x10cb0, max: 0x10cb0 + 0x310 });
  const change = fc.tuple(fc.oneof(header, dynamic), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const damaged = Uint8Array.from(x64);
      for (const [at, value] of changes) damaged[at] = value;
      try {
        expect(withoutNeeds(damaged, ["libvulkan.so.1"])).toHaveLength(x64.length);
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
      }
    }),
    { numRuns: 500 },
  );
});
