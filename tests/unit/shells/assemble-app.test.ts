/** What assemble-app does with pieces that are missing or clash. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseNeeds } from "../../../build/formats/elf-dynamic.ts";
import { assemble, placeholderVendor, type AssembleRequest } from "../../fixtures/stub-core/assemble.ts";

const root = mkdtempSync(join(tmpdir(), "erth-assemble-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const sdkFolder = join(import.meta.dirname, "../../../node_modules/electrobun");

function request(change: Partial<AssembleRequest>): AssembleRequest {
  const scratch = mkdtempSync(join(root, "case-"));
  const target = change.target ?? "linux-x64";
  return {
    scratch,
    target,
    shell: "webview",
    entry: join(import.meta.dirname, "../../fixtures/stub-core/entry.ts"),
    vendor: placeholderVendor(join(scratch, "vendor"), target, sdkFolder),
    sidecar: { kind: "pkg", entry: "s", files: { s: "sidecar" } },
    ...change,
  };
}

test("every file that the core lacks is named at once", async () => {
  const asked = request({ shell: "electrobun" });
  const core = asked.vendor["electrobun-core/linux-x64"] ?? "";
  rmSync(join(core, "launcher"));
  rmSync(join(core, "libasar.so"));
  await expect(assemble(asked)).rejects.toMatchObject({
    code: "ELECTROBUN_CORE",
    facts: { missing: ["launcher", "libasar.so"] },
    remedy: expect.stringContaining("erth lock"),
  });
});

test("a launcher that was never built, or a library missing in the package, is told with its path", async () => {
  await expect(assemble(request({ target: "win32-x64" }))).rejects.toMatchObject({
    code: "APP_PIECE_MISSING",
    message: expect.stringContaining("win32-x64.exe"),
  });
  const asked = request({});
  rmSync(join(asked.vendor.webview ?? "", "build/libwebview-x64.so"));
  await expect(assemble(asked)).rejects.toMatchObject({
    code: "APP_PIECE_MISSING",
    message: expect.stringContaining("libwebview-x64.so"),
  });
});

test.each(["linux-x64", "linux-arm64"] as const)("%s: libwebview needs nothing beyond WebKitGTK", async (target) => {
  const { folder } = await assemble(request({ target }));
  const { libraries, runPaths } = parseNeeds(readFileSync(join(folder, "bin/libwebview.so")));
  expect(libraries).toContain("libwebkitgtk-6.0.so.4");
  expect(libraries).not.toContain("libvulkan.so.1");
  expect(runPaths).toEqual([]);
});

test("a library that is no ELF file stops the build with its code", async () => {
  const asked = request({});
  writeFileSync(join(asked.vendor.webview ?? "", "build/libwebview-x64.so"), "not a library");
  await expect(assemble(asked)).rejects.toMatchObject({ code: "ELF_MALFORMED" });
});

test("a sidecar file that would replace a part of the shell is refused", async () => {
  const sidecar = { kind: "pkg" as const, entry: "Bun", files: { Bun: "sidecar" } };
  await expect(assemble(request({ sidecar }))).rejects.toMatchObject({ code: "APP_FILE_TWICE" });
});
