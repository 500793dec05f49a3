import { createHash } from "node:crypto";
import { chmod, readFile, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PARTS } from "../../../build/config/resolved-config.ts";
import { payloadFaults, rawChunks, readPayload } from "../../../build/formats/payload-reader.ts";
import { TARGETS } from "../../../build/plan/target.ts";
import { stubPath } from "../../../build/stub/targets.ts";
import { packageSmallApp, type SmallAppOptions } from "../../integration/stub/small-app.ts";

const MIB = 1 << 20;
const sum = (bytes: Readonly<Record<string, number>>): number => Object.values(bytes).reduce((a, b) => a + b, 0);

/** Compressible, and never twice the same. */
function text(name: string, bytes: number): Buffer {
  const lines = Array.from({ length: Math.ceil(bytes / 40) }, (_, at) =>
    `${name} ${at} ${(at * 7919) % 9973} line`.padEnd(40),
  );
  return Buffer.from(lines.join("").slice(0, bytes));
}

/** One file of two parts, as a sidecar is. */
const twoParts: SmallAppOptions = {
  change: async (root) => {
    await writeFile(join(root, "sidecar"), Buffer.concat([text("node", 2 * MIB), text("app", MIB + 5)]));
  },
  parts: {
    sidecar: [
      { part: "sidecar runtime", offset: 0, length: 2 * MIB },
      { part: "app code", offset: 2 * MIB, length: MIB + 5 },
    ],
  },
};

test.each(TARGETS)("%s: the parts add up to the file and to the folder", async (target) => {
  const { path, facts } = await packageSmallApp({ ...twoParts, target });
  expect(facts.format).toBe(target.startsWith("linux-") ? "single-file" : "zip");
  expect(Object.keys(facts.compressedBytes).sort()).toEqual([...PARTS].sort());
  const { size, mode } = await stat(path);
  expect(sum(facts.compressedBytes)).toBe(size);
  expect(Object.values(facts.compressedBytes).every((bytes) => bytes >= 0)).toBe(true);
  expect(facts.compressedBytes["sidecar runtime"]).toBeGreaterThan(10_000);
  expect(facts.diskBytes["sidecar runtime"]).toBe(2 * MIB);
  expect(facts.diskBytes["app code"]).toBe(MIB + 5 + 1);
  if (target.startsWith("linux-")) {
    expect(mode & 0o777).toBe(0o755);
    expect(facts.compressedBytes.container).toBeGreaterThan((await stat(stubPath(target))).size);
  }
});

test.each(["linux-arm64", "darwin-arm64"] as const)(
  "%s: the same tree gives the same bytes, whatever its dates",
  async (target) => {
    const first = await packageSmallApp({ ...twoParts, target });
    const second = await packageSmallApp({
      target,
      parts: twoParts.parts ?? {},
      change: async (root) => {
        await twoParts.change?.(root);
        await utimes(join(root, "sidecar"), new Date(0), new Date(0));
      },
    });
    expect((await readFile(second.path)).equals(await readFile(first.path))).toBe(true);
  },
);

test("a single file holds the tree, byte for byte", async () => {
  const { path, root } = await packageSmallApp({ ...twoParts, target: "linux-arm64" });
  const payload = await readPayload(path);
  expect(await payloadFaults(path, payload)).toEqual([]);
  const { frames, entries } = payload.index;
  const raw = await Promise.all(
    frames.map(async (frame) => Buffer.concat(await Array.fromAsync(rawChunks(path, frame)))),
  );
  const files = entries.flatMap((entry) => (entry.type === "file" ? [entry] : []));
  expect(files.map((file) => file.path)).toEqual(["bin/start", "sidecar", "version 漢字.txt"]);
  for (const { path: name, slices, sha256 } of files) {
    const bytes = Buffer.concat(
      slices.map(({ frame, offset, length }) => raw[frame]?.subarray(offset, offset + length) ?? Buffer.alloc(0)),
    );
    expect(bytes.equals(await readFile(join(root, name))), name).toBe(true);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
  }
  expect(entries.filter((entry) => entry.type === "link")).toEqual([
    { type: "link", path: "bin/link", target: "start" },
  ]);
});

test("the id follows the tree alone", async () => {
  const idOf = async (options: SmallAppOptions): Promise<string> =>
    (await readPayload((await packageSmallApp({ target: "linux-x64", ...options })).path)).index.id;
  const id = await idOf({});
  expect(await idOf({ shell: "electrobun" })).toBe(id);
  expect(await idOf({ version: "2" })).not.toBe(id);
});

test("each shell names the libraries that it needs", async () => {
  const { path } = await packageSmallApp({ target: "linux-x64", shell: "electrobun" });
  const { requirements } = (await readPayload(path)).index;
  expect(requirements.map(({ library }) => library)).toContain("libwebkit2gtk-4.1.so.0");
  for (const { packages } of requirements)
    expect(Object.keys(packages).sort()).toEqual(["arch", "debian", "fedora", "suse"]);
});

test("segments that leave bytes out, and files of no part, are refused", async () => {
  const part = "app code";
  await expect(packageSmallApp({ parts: { "bin/start": [{ part, offset: 1, length: 5 }] } })).rejects.toThrow(
    "leave out or repeat byte 0",
  );
  await expect(packageSmallApp({ parts: { "bin/start": [{ part, offset: 0, length: 5 }] } })).rejects.toThrow(
    "cover 5 of",
  );
  await expect(packageSmallApp({ change: (root) => writeFile(join(root, "stray"), "x") })).rejects.toThrow(
    "belongs to no part",
  );
});

test("an absolute link in an .app is refused", async () => {
  const change = (root: string): Promise<void> => symlink("/etc", join(root, "etc"));
  await expect(packageSmallApp({ target: "darwin-arm64", change })).rejects.toMatchObject({ code: "PACKAGE_LINK" });
});

test("what the stub would refuse is refused before, all of it at once", async () => {
  const change = async (root: string): Promise<void> => {
    await symlink("../etc", join(root, "out"));
    await symlink("/etc", join(root, "bin/etc"));
    await writeFile(join(root, ".ok"), "");
  };
  await expect(packageSmallApp({ target: "linux-x64", change, parts: { ".ok": "app code" } })).rejects.toMatchObject({
    problems: [{ code: "PACKAGE_NAME" }, { code: "PACKAGE_LINK" }, { code: "PACKAGE_LINK" }],
  });
  const noLongerExecutable = (root: string): Promise<void> => chmod(join(root, "bin/start"), 0o644);
  await expect(packageSmallApp({ target: "linux-x64", change: noLongerExecutable })).rejects.toThrow("no executable");
});
