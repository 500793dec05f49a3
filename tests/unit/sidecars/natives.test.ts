import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { nativeFamily } from "../../../build/sidecars/native-family.ts";
import { nativesManifest, targetAddons } from "../../../build/sidecars/natives.ts";
import type { Vendor } from "../../../build/vendor/vendor.ts";

const scratch = mkdtempSync(join(tmpdir(), "erth-natives-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const family = nativeFamily({ name: "fast", version: "1.0.0", optionalDependencies: { "fast-linux-x64": "1.0.0" } })!;
let bundleFolder: string;
let prebuilt: string;
const vendor: Vendor = {
  folder: async () => prebuilt,
  digest: (name) => (name === "native/fast/linux-x64" ? "sha512-abc" : undefined),
};

beforeEach(() => {
  bundleFolder = mkdtempSync(join(scratch, "bundle-"));
  prebuilt = mkdtempSync(join(scratch, "prebuilt-"));
  writeFileSync(join(bundleFolder, "natives.json"), JSON.stringify(nativesManifest([family], [], vendor)));
});

function givePackage(manifest: object, machine = 62): void {
  const elf = Buffer.alloc(64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]).copy(elf);
  elf[0x12] = machine;
  mkdirSync(prebuilt, { recursive: true });
  writeFileSync(join(prebuilt, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(prebuilt, "fast.node"), elf);
}
const right = { name: "fast-linux-x64", version: "1.0.0", main: "fast.node" };

test("the addon of a target is the main file of its locked package", async () => {
  givePackage(right);
  expect(await targetAddons(bundleFolder, "linux-x64", vendor)).toEqual([
    { name: "fast", path: join(prebuilt, "fast.node") },
  ]);
});

test("the locked digests are in the bundle, so that a changed lock changes it", () => {
  expect(nativesManifest([family], [], vendor).families[0]?.digests).toEqual({ "linux-x64": "sha512-abc" });
});

test.each([
  ["another version than the script was bundled for", { ...right, version: "1.0.1" }, 62, "NATIVE_OUTDATED"],
  ["another package", { ...right, name: "slow-linux-x64" }, 62, "NATIVE_OUTDATED"],
  ["no addon as its main file", { ...right, main: "index.js" }, 62, "NATIVE_NO_ADDON"],
  ["an addon for another machine", right, 183, "NATIVE_WRONG_TARGET"],
])("a package with %s is refused", async (_, manifest, machine, code) => {
  givePackage(manifest, machine);
  await expect(targetAddons(bundleFolder, "linux-x64", vendor)).rejects.toMatchObject({ code });
});

test("a package without a manifest is refused", async () => {
  await expect(targetAddons(bundleFolder, "linux-x64", vendor)).rejects.toMatchObject({ code: "NATIVE_NO_ADDON" });
});
