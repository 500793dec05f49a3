/** The real programs of an app: what their vendors signed holds, and what we sign and edit holds too. */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeIco } from "../../../../build/formats/ico.ts";
import { renderAppManifest } from "../../../../signing/windows/app-manifest.ts";
import { explainPe } from "../../../../signing/windows/explain-pe.ts";
import { setResources } from "../../../../signing/windows/resources.ts";
import { signPe } from "../../../../signing/windows/sign-pe.ts";
import { verifyPe } from "../../../../signing/windows/verify-pe.ts";
import { authority, timestamps } from "../../../unit/signing/windows/signing.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { LAUNCHER, vendorFile } from "./vendor-files.ts";

const bun = () => vendorFile("bun/win32-x64", "bin/bun.exe");
const node = () => vendorFile("node/win32-x64", "bin/node.exe");
const addon = () => vendorFile("native/libsql/win32-x64", "index.node");
const webview = () => vendorFile("webview", "build/libwebview.dll");

const icon = encodeIco([{ size: 16, rgba: new Uint8Array(1024).fill(0x80), png: Buffer.alloc(0) }]);
const version = { name: "Notes", version: "1.4.0", publisher: "Erth", fileName: "notes.exe" };
const manifest = renderAppManifest({ identifier: "dev.erth.notes", version: [1, 4, 0, 0] });

test.each([
  ["bun", bun],
  ["node", node],
])("%s.exe: digest, checksum, certificates and timestamp of its vendor's signature hold", async (name, path) => {
  const file = await path();
  const { problems, signatures } = await verifyPe({ file });
  expect(problems).toEqual([]);
  expect(signatures).toMatchObject([{ index: "0", digestName: "sha256" }]);
  await expect(await explainPe(file)).toMatchFileSnapshot(`../../../golden/signing/windows/vendor/${name}.txt`);
});

test.each([
  ["bun.exe, whose signature is replaced", bun, "replaced"],
  ["the launcher, written by Go", () => Promise.resolve(LAUNCHER), "none"],
  ["libSQL's .node", addon, "none"],
  ["libwebview.dll", webview, "none"],
])("%s: icon, version and manifest, then a signature", async (_, path, earlier) => {
  const tsa = await timestamps();
  const folder = await scratchFolder();
  const input = await path();
  const edited = join(folder, "edited.exe");
  const { hasDroppedSignature, resources } = await setResources({ input, output: edited, icon, version, manifest });
  expect(hasDroppedSignature).toBe(earlier === "replaced");
  expect(resources.map(({ type }) => type)).toEqual([3, 14, 16, 24]);
  const { signer } = authority.leaf;
  await signPe({ input: edited, output: edited, signer, timestampUrl: tsa.url, fetch });
  expect((await verifyPe({ file: edited, trusted: [authority.root.der] })).problems).toEqual([]);

  const direct = join(folder, "direct.exe");
  const signed = await signPe({ input, output: direct, signer, timestampUrl: tsa.url, fetch });
  expect(signed.earlier).toBe(earlier);
  expect((await verifyPe({ file: direct, trusted: [authority.root.der] })).problems).toEqual([]);
});

/** `@yao-pkg/pkg` brings it, and injects the sidecar's blob with it. */
interface Postject {
  inject(file: string, name: string, data: Buffer, options: { readonly sentinelFuse: string }): Promise<void>;
}

function isPostject(value: unknown): value is Postject {
  return typeof value === "object" && value !== null && "inject" in value && typeof value.inject === "function";
}

test("a blob that pkg's injector put in survives resources and signature, under its name, byte for byte", async () => {
  const require = createRequire(import.meta.url);
  const postject: unknown = require(createRequire(require.resolve("@yao-pkg/pkg/package.json")).resolve("postject"));
  if (!isPostject(postject)) throw new Error("pkg comes without postject");
  const folder = await scratchFolder();
  const file = join(folder, "sidecar.exe");
  const sentinelFuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
  await copyFile(await webview(), file);
  // The injector looks for Node's fuse; the padding of the last data section has room for one.
  const program = await readFile(file);
  program.write(`${sentinelFuse}:0`, 0x18200 + 5000, "latin1");
  await writeFile(file, program);
  const blob = Buffer.from(Array.from({ length: 300_007 }, (_, at) => (at * 131) >> 3));
  await postject.inject(file, "NODE_SEA_BLOB", blob, { sentinelFuse });

  const { resources } = await setResources({ input: file, output: file, icon, version, manifest });
  await signPe({ input: file, output: file, signer: authority.leaf.signer, timestampUrl: null, fetch });
  const place = resources.find(({ type, id }) => type === 10 && id === "NODE_SEA_BLOB");
  expect(place).toMatchObject({ language: 0, length: blob.length });
  const at = place?.fileOffset ?? 0;
  expect((await readFile(file)).subarray(at, at + blob.length).equals(blob)).toBe(true);
  expect((await verifyPe({ file })).problems.map(({ code }) => code)).toEqual(["TIMESTAMP_MISSING"]);
});
