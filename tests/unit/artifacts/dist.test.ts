import { chmod, mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Artifact } from "../../../build/artifacts/artifact.ts";
import { sha256 } from "../../../build/artifacts/digest.ts";
import { outputProblems, writeRelease } from "../../../build/artifacts/dist.ts";
import { createManifest, readManifest, renderManifest, type Manifest } from "../../../build/artifacts/manifest.ts";
import { DEFAULT_FORMATS, type FormatId } from "../../../build/plan/package-format.ts";
import { osOf, type Target } from "../../../build/plan/target.ts";
import { fakeConfig, fakePlan } from "../../support/fake-config.ts";
import { scratchFolder } from "../../support/scratch.ts";

const bytesByPart = { "shell runtime": 3, "sidecar runtime": 0, natives: 0, "app code": 2, database: 0, container: 1 };

async function made(folder: string, target: Target, content: string, format?: FormatId, app = "app") {
  const id = format ?? DEFAULT_FORMATS[osOf(target)][0]!;
  const path = join(folder, `result-${target}-${sha256(content).slice(0, 6)}`);
  await writeFile(path, content);
  const installer: Artifact = {
    kind: "installer",
    target,
    path,
    bytes: content.length,
    sha256: sha256(content),
    from: [],
    facts: {
      format: id,
      signedBy: null,
      shell: "webview",
      app: sha256(app),
      compressedBytes: bytesByPart,
      diskBytes: bytesByPart,
    },
  };
  const beside: Artifact = {
    kind: "companion",
    target,
    path: `${path}.asc`,
    bytes: id.length + " signed".length,
    sha256: sha256(`${id} signed`),
    from: [installer.sha256],
    facts: { role: "openpgp", format: id, suffix: ".asc" },
  };
  await writeFile(beside.path, `${id} signed`);
  const result = new Map([[target, format === undefined ? [installer] : [installer, beside]]]);
  return { result, manifest: createManifest(fakeConfig(folder), fakePlan([target], [id]), result) };
}

test("writes the files, their sums and the manifest; the file is executable", async () => {
  const out = await scratchFolder();
  const { result, manifest } = await made(await scratchFolder(), "linux-x64", "binary");
  await writeRelease(out, manifest, result);
  const folder = join(out, "1.2.3");
  expect((await readdir(folder)).sort()).toEqual(["SHA256SUMS", "manifest.json", "plain-notes-1.2.3-linux-x64"]);
  expect(await readFile(join(folder, "SHA256SUMS"), "utf8")).toBe(`${sha256("binary")}  plain-notes-1.2.3-linux-x64\n`);
  expect((await stat(join(folder, "plain-notes-1.2.3-linux-x64"))).mode & 0o777).toBe(0o755);
  expect(await readManifest(join(folder, "manifest.json"))).toEqual(manifest);
});

test("a release of another target of the same version joins the manifest, a damaged file leaves it", async () => {
  const out = await scratchFolder();
  const work = await scratchFolder();
  for (const target of ["linux-x64", "linux-arm64"] as const) {
    const { result, manifest } = await made(work, target, target);
    await writeRelease(out, manifest, result);
  }
  await writeFile(join(out, "1.2.3", "plain-notes-1.2.3-linux-x64"), "damaged by hand");
  const { result, manifest } = await made(work, "darwin-x64", "darwin");
  const complete = await writeRelease(out, manifest, result);
  expect(complete.artifacts.map(({ target }) => target)).toEqual(["darwin-x64", "linux-arm64"]);
});

test("a file that is already right is left alone, leftovers of a killed run go", async () => {
  const out = await scratchFolder();
  const { result, manifest } = await made(await scratchFolder(), "linux-x64", "binary");
  await writeRelease(out, manifest, result);
  const path = join(out, "1.2.3", "plain-notes-1.2.3-linux-x64");
  const before = await stat(path);
  await writeFile(`${path}.999999999-0badcafe.part`, "half");
  await writeRelease(out, manifest, result);
  expect((await stat(path)).ino).toBe(before.ino);
  expect(await readdir(join(out, "1.2.3"))).toHaveLength(3);
});

test("a result whose bytes changed in the cache never reaches the output folder", async () => {
  const out = await scratchFolder();
  const { result, manifest } = await made(await scratchFolder(), "linux-x64", "binary");
  await writeFile(result.get("linux-x64")![0]!.path, "evil!!");
  await expect(writeRelease(out, manifest, result)).rejects.toThrow(expect.objectContaining({ code: "CACHE_DAMAGED" }));
  expect(await readdir(join(out, "1.2.3"))).toEqual([]);
});

test("a file in the place of the output folder is a problem with a remedy", async () => {
  const folder = await scratchFolder();
  await writeFile(join(folder, "dist"), "");
  expect(await outputProblems(join(folder, "dist", "deep"))).toMatchObject([{ code: "OUT_NOT_WRITABLE" }]);
  expect(await outputProblems(join(folder, "fresh"))).toEqual([]);
  await mkdir(join(folder, "locked"));
  await chmod(join(folder, "locked"), 0o500);
  if (process.getuid?.() !== 0)
    expect(await outputProblems(join(folder, "locked", "out"))).toMatchObject([{ code: "OUT_NOT_WRITABLE" }]);
});

test("a manifest is the same text whatever the order of its files, and every damage of it is refused", async () => {
  const folder = await scratchFolder();
  const { manifest } = await made(folder, "linux-x64", "a");
  const other: Manifest = {
    ...manifest,
    artifacts: [...manifest.artifacts, { ...manifest.artifacts[0]!, target: "darwin-arm64", path: "mac.zip" }],
  };
  expect(renderManifest({ ...other, artifacts: other.artifacts.toReversed() })).toBe(renderManifest(other));
  const text = renderManifest(manifest);
  const path = join(folder, "manifest.json");
  for (let length = 0; length < text.trimEnd().length; length += 7) {
    await writeFile(path, text.slice(0, length));
    await expect(readManifest(path)).rejects.toThrow(expect.objectContaining({ code: "MANIFEST_INVALID" }));
  }
  await writeFile(path, text.replace('"path": "', '"path": "../'));
  await expect(readManifest(path)).rejects.toThrow(expect.objectContaining({ code: "MANIFEST_INVALID" }));
  expect(await readManifest(join(folder, "none.json"))).toBeUndefined();
});

test("another format of the same app stays with what lies beside it; one of an older app leaves the manifest", async () => {
  const out = await scratchFolder();
  const work = await scratchFolder();
  const zip = await made(work, "win32-x64", "zipped", "zip");
  await writeRelease(out, zip.manifest, zip.result);
  expect((await readdir(join(out, "1.2.3"))).sort()).toEqual([
    "SHA256SUMS",
    "manifest.json",
    "plain-notes-1.2.3-win32-x64.zip",
    "plain-notes-1.2.3-win32-x64.zip.asc",
  ]);
  const same = await made(work, "win32-x64", "single", "single-file");
  const both = await writeRelease(out, same.manifest, same.result);
  expect(both.artifacts.map(({ format }) => format)).toEqual(["single-file", "zip"]);
  expect(both.companions.map(({ path }) => path)).toEqual([
    "plain-notes-1.2.3-win32-x64.asc",
    "plain-notes-1.2.3-win32-x64.zip.asc",
  ]);
  expect(await readManifest(join(out, "1.2.3/manifest.json"))).toEqual(both);
  const newer = await made(work, "win32-x64", "single, newer", "single-file", "another app");
  const alone = await writeRelease(out, newer.manifest, newer.result);
  expect(alone.artifacts.map(({ format }) => format)).toEqual(["single-file"]);
  expect(alone.companions.map(({ format }) => format)).toEqual(["single-file"]);
});
