/**
 * Our app packages, unsigned and signed, in the eyes of osslsigncode, openappx,
 * 7-Zip, and Microsoft's own schemas (of its MSIX SDK, by xmllint); and what
 * osslsigncode signs in ours.
 *
 * Not here: Windows. Two small departures of the other readers: openappx does
 * not decode part names, so it gets plain ones; the schemas do not know
 * `win32dependencies`, which Windows may ignore.
 */
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readMsix } from "../../../../build/formats/msix-reader.ts";
import { withFileRange } from "../../../../build/formats/byte-range.ts";
import { fileNameOf } from "../../../../build/shells/bundle-name.ts";
import { signMsix } from "../../../../signing/windows/sign-msix.ts";
import { verifyMsix } from "../../../../signing/windows/verify-msix.ts";
import type { Identity } from "../../../fakes/certificate-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { noise, smallMsix, textFile } from "../../../unit/formats/msix-tree.ts";
import { authority, timestamps } from "../../../unit/signing/windows/signing.ts";
import { APP_NAMES } from "../../../support/containers.ts";
import { findTool, runTool } from "../apple/apple-tools.ts";
import { hasOsslsigncode, MSIX_SCHEMAS, OPENAPPX, run } from "./tools.ts";

const trusted = [authority.root.der];
const [sevenZip, python, xmllint] = [findTool("7z"), findTool("python3"), findTool("xmllint")];
const BLOCKS = fileURLToPath(new URL("msix-blocks.py", import.meta.url));
const keys = { RSA: authority.leaf, "P-256": authority.p256, "P-384": authority.p384 } as const;

async function rootFiles(folder: string, timeAuthority: Identity): Promise<readonly string[]> {
  await writeFile(join(folder, "root.pem"), authority.root.certificatePem);
  await writeFile(join(folder, "time.pem"), timeAuthority.chainPem);
  return ["-CAfile", join(folder, "root.pem"), "-TSA-CAfile", join(folder, "time.pem")];
}

test.skipIf(!hasOsslsigncode).for(Object.entries(keys))(
  "osslsigncode verifies a package signed with %s, and finds each change",
  async ([, identity]) => {
    const tsa = await timestamps();
    const folder = await scratchFolder();
    const output = join(folder, "signed.msix");
    const signing = { signer: identity.signer, timestampUrl: tsa.url, fetch, description: "Notes" };
    await signMsix({ input: await smallMsix(), output, ...signing });
    const args = ["verify", ...(await rootFiles(folder, tsa.identity))];
    const good = await run("osslsigncode", [...args, output]);
    expect(good.text).toContain("Signature verification: ok");
    expect(good.text).toContain("Timestamp Server Signature verification: ok");
    expect(good.isDone, good.text).toBe(true);
    const bytes = await readFile(output);
    const bad = join(folder, "bad.msix");
    // The first file's data, and a date in the central directory.
    for (const at of [120, bytes.indexOf("PK\x01\x02", 0, "latin1") + 12]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(bad, changed);
      expect((await run("osslsigncode", [...args, bad])).isDone).toBe(false);
    }
  },
);

test.skipIf(!hasOsslsigncode)("a signature by osslsigncode passes our verify, also over ours", async () => {
  const tsa = await timestamps();
  const folder = await scratchFolder();
  await writeFile(join(folder, "chain.pem"), authority.leaf.chainPem);
  await writeFile(join(folder, "key.pem"), authority.leaf.keyPem);
  const theirs = join(folder, "theirs.msix");
  const sign = [
    "sign",
    "-h",
    "sha256",
    "-n",
    "Notes",
    "-certs",
    join(folder, "chain.pem"),
    "-key",
    join(folder, "key.pem"),
  ];
  const signed = await run("osslsigncode", [...sign, "-ts", tsa.url, "-in", await smallMsix(), "-out", theirs]);
  expect(signed.isDone, signed.text).toBe(true);
  const { problems, signature } = await verifyMsix({ file: theirs, trusted });
  expect(problems).toEqual([]);
  expect(signature).toMatchObject({ signer: "Erth Test Publisher", timestampAuthority: "Erth Test Time Authority" });
  expect((await withFileRange(theirs, readMsix)).problems).toEqual([]);
  const ours = join(folder, "ours.msix");
  await signMsix({ input: theirs, output: ours, signer: authority.leaf.signer, timestampUrl: tsa.url, fetch });
  expect((await verifyMsix({ file: ours, trusted })).problems).toEqual([]);
});

test.skipIf(OPENAPPX === undefined)("openappx finds every block, unsigned and signed", async () => {
  const files = [
    textFile("notes.exe", Buffer.alloc(300_000, "MZ program ")),
    noise("noise.bin", 150_000),
    textFile("empty.txt", ""),
  ];
  const folder = await scratchFolder();
  const input = await smallMsix({ files });
  const output = join(folder, "signed.msix");
  await signMsix({ input, output, signer: authority.leaf.signer, timestampUrl: null, fetch });
  for (const file of [input, output]) {
    const { isDone, text } = await run(OPENAPPX!, ["inspect", "--package", file]);
    expect(isDone, text).toBe(true);
    expect(text).not.toContain("problem");
  }
});

test.skipIf(!python || !sevenZip)("Python unpacks each block alone, 7-Zip the whole", async () => {
  const files = [textFile("日本 語/a b.exe", Buffer.alloc(9_000_000, "program code ")), noise("n.bin", 70_000)];
  const path = await smallMsix({ files });
  const listed = execFileSync(python!, [BLOCKS, path]).toString().trimEnd().split("\n");
  expect(listed).toEqual([
    "日本 語\\a b.exe 9000000 138",
    "n.bin 70000 2",
    expect.stringMatching(/^AppxManifest.xml /),
  ]);
  expect(runTool(sevenZip, ["t", path], ".").output).toContain("Everything is Ok");
});

const SCHEMA_OF = {
  "AppxManifest.xml": "manifest.xsd",
  "AppxBlockMap.xml": "BlockMap/schema/BlockMapSchema.xsd",
  "[Content_Types].xml": "[Content_Types]/opc-contentTypes.xsd",
} as const;

/** Unpacks a package and holds its documents against the schemas; returns the folder and the manifest as checked. */
async function checkDocuments(path: string): Promise<{ readonly folder: string; readonly manifest: string }> {
  const folder = await scratchFolder();
  runTool(sevenZip, ["x", "-y", path], folder);
  const manifest = (await readFile(join(folder, "AppxManifest.xml"), "utf8")).replace(/<win32dependencies.*\/>/, "");
  await writeFile(join(folder, "AppxManifest.xml"), manifest);
  for (const [name, schema] of Object.entries(SCHEMA_OF)) {
    const checked = runTool(xmllint, ["--noout", "--schema", join(MSIX_SCHEMAS!, schema), name], folder);
    expect(checked.status, checked.output).toBe(0);
  }
  return { folder, manifest };
}

const hasSchemas = xmllint !== undefined && sevenZip !== undefined && MSIX_SCHEMAS !== undefined;

test.skipIf(!hasSchemas)("manifest, block map and list of types are what Microsoft's schemas want", async () => {
  const facts = { protocols: ["my-app"], fileTypes: [{ extension: ".note", description: "Notes document" }] };
  const { folder, manifest } = await checkDocuments(await smallMsix({ facts }));
  await writeFile(join(folder, "bad.xml"), manifest.replace('Name="dev.example.notes"', 'Name="n_"'));
  const bad = runTool(xmllint, ["--noout", "--schema", join(MSIX_SCHEMAS!, "manifest.xsd"), "bad.xml"], folder);
  expect(bad.output).toContain("attribute 'Name'");
  expect(bad.status).not.toBe(0);
});

test.skipIf(!hasSchemas || !hasOsslsigncode).for(APP_NAMES)(
  "%j with 3000 files: schemas, osslsigncode and our reader take it",
  async (name) => {
    const executable = `${fileNameOf(name, "app", "win32")}.exe`;
    const many = Array.from({ length: 3000 }, (_, at) =>
      textFile(`${name.replaceAll('"', "'")}/many/${at % 37}/f ${at}.js`, `export ${at};`),
    );
    const files = [textFile(executable, "MZ"), ...many];
    const input = await smallMsix({ files, facts: { displayName: name, publisherDisplayName: name, executable } });
    const output = join(await scratchFolder(), "signed.msix");
    await signMsix({ input, output, signer: authority.leaf.signer, timestampUrl: null, fetch });
    await checkDocuments(output);
    const { problems, entries } = await withFileRange(output, readMsix);
    expect(problems).toEqual([]);
    expect(entries.slice(0, 3001).map(({ path }) => path)).toEqual(files.map(({ path }) => path));
    await writeFile(join(output, "../root.pem"), authority.root.certificatePem);
    const { text } = await run("osslsigncode", ["verify", "-CAfile", join(output, "../root.pem"), output]);
    expect(text).toContain("Signature verification: ok");
  },
);
