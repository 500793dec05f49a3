import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rangeOfBytes } from "../../../../build/formats/byte-range.ts";
import { readCompoundFile } from "../../../../build/formats/compound-file.ts";
import { parseCertificate } from "../../../../signing/cms/certificate.ts";
import { MSI_SIGNATURE } from "../../../../signing/windows/msi-digest.ts";
import { signMsi, type SignMsiRequest } from "../../../../signing/windows/sign-msi.ts";
import { verifyMsi } from "../../../../signing/windows/verify-msi.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { compoundFile, type Storage } from "../../../support/compound-files.ts";
import { smallMsi } from "./small-msi.ts";
import { authority, timestamps } from "./signing.ts";

const settings = { trusted: [parseCertificate(authority.root.der)], now: new Date("2026-06-01T12:00:00Z") };

interface Bench {
  readonly folder: string;
  readonly sign: (bytes: Uint8Array, more?: Partial<SignMsiRequest>) => Promise<Buffer>;
  readonly codesOf: (bytes: Uint8Array) => Promise<readonly string[]>;
}

async function bench(): Promise<Bench> {
  const folder = await scratchFolder();
  const tsa = await timestamps();
  return {
    folder,
    async sign(bytes, more = {}) {
      const [input, output] = [join(folder, "in.msi"), join(folder, "out.msi")];
      await writeFile(input, bytes);
      await signMsi({ input, output, signer: authority.leaf.signer, timestampUrl: tsa.url, fetch, ...more });
      return await readFile(output);
    },
    async codesOf(bytes) {
      const path = join(folder, "checked.msi");
      await writeFile(path, bytes);
      const { problems } = await verifyMsi(path, settings);
      return Array.from(new Set(problems.map(({ code }) => code)));
    },
  };
}

test.for([
  { sectorBytes: 512, extended: true },
  { sectorBytes: 4096, extended: true },
  { sectorBytes: 512, extended: false },
] as const)("what we sign holds: %o", async ({ sectorBytes, extended }) => {
  const { sign, folder } = await bench();
  const signed = await sign(await smallMsi({}, sectorBytes), { extended, description: "Notes" });
  const path = join(folder, "out.msi");
  const { problems, signatures, isExtended, kind } = await verifyMsi(path, settings);
  expect(problems).toEqual([]);
  expect({ isExtended, kind }).toEqual({ isExtended: extended, kind: "installer" });
  expect(signatures).toMatchObject([
    { index: "0", signer: "Erth Test Publisher", description: "Notes", isTrusted: true },
  ]);
  expect(signatures[0]?.signedAt).toEqual(new Date("2026-06-01T12:00:00Z"));
  // Signing again replaces; the same key, time and bytes give the same file.
  expect(await sign(signed, { extended, description: "Notes", timestampUrl: null })).toEqual(
    await sign(await smallMsi({}, sectorBytes), { extended, description: "Notes", timestampUrl: null }),
  );
});

test("every other stream keeps its content, name, class and times", async () => {
  const { sign } = await bench();
  const before = await readCompoundFile(rangeOfBytes(await smallMsi()));
  const after = await readCompoundFile(rangeOfBytes(await sign(await smallMsi())));
  const names: readonly string[] = Object.values(MSI_SIGNATURE);
  expect(after.root.children.filter(({ name }) => !names.includes(name))).toEqual(before.root.children);
  expect(after.root.classId).toEqual(before.root.classId);
});

/** The signed file's tree with some of it changed, its signature kept: what an attacker writes. */
async function rewritten(signed: Uint8Array, change: (content: Record<string, Uint8Array | Storage>) => void) {
  const file = await readCompoundFile(rangeOfBytes(signed));
  const read = async (entries: typeof file.root.children): Promise<Record<string, Uint8Array | Storage>> => {
    const content: Record<string, Uint8Array | Storage> = {};
    for (const entry of entries) {
      const pieces: Uint8Array[] = [];
      for await (const piece of file.pieces(entry)) pieces.push(piece);
      content[entry.name] = entry.kind === "stream" ? Buffer.concat(pieces) : await read(entry.children);
    }
    return content;
  };
  const content = await read(file.root.children);
  change(content);
  return await compoundFile(content, { classId: file.root.classId });
}

test.each<readonly [string, (content: Record<string, Uint8Array | Storage>) => void, readonly string[]]>([
  ["nothing changed", () => undefined, []],
  [
    "a byte of the cabinet",
    (content) => void (content["data.cab"] = Buffer.alloc(9000, "cabinEt")),
    ["AUTHENTICODE_DIGEST"],
  ],
  ["a table that is gone", (content) => void delete content["\u4840"], ["MSI_EXTENDED", "AUTHENTICODE_DIGEST"]],
  ["a new stream", (content) => void (content["new"] = Buffer.from("x")), ["MSI_EXTENDED", "AUTHENTICODE_DIGEST"]],
  // Its content comes at the same place in the digest: only the names tell.
  [
    "a stream under another name",
    (content) => {
      content["data.caB"] = content["data.cab"] ?? {};
      delete content["data.cab"];
    },
    ["MSI_EXTENDED"],
  ],
  ["an empty stream that is gone", (content) => void delete content["empty"], ["MSI_EXTENDED"]],
  ["no extended signature", (content) => void delete content[MSI_SIGNATURE.extended], ["AUTHENTICODE_DIGEST"]],
  [
    "another extended signature",
    (content) => void (content[MSI_SIGNATURE.extended] = Buffer.alloc(32)),
    ["MSI_EXTENDED", "AUTHENTICODE_DIGEST"],
  ],
  ["no signature", (content) => void delete content[MSI_SIGNATURE.signature], ["MSI_EXTENDED", "MSI_UNSIGNED"]],
  [
    "a signature that is none",
    (content) => void (content[MSI_SIGNATURE.signature] = Buffer.from("none")),
    ["AUTHENTICODE_UNREADABLE"],
  ],
  [
    "a payload behind the signature",
    (content) => {
      const signature = content[MSI_SIGNATURE.signature];
      if (signature instanceof Uint8Array)
        content[MSI_SIGNATURE.signature] = Buffer.concat([signature, Buffer.alloc(40)]);
    },
    ["MSI_HIDDEN"],
  ],
])("attack: %s", async (_, change, expected) => {
  const { sign, codesOf } = await bench();
  const signed = await sign(await smallMsi());
  expect(await codesOf(await rewritten(signed, change))).toEqual(expect.arrayContaining([...expected]));
  if (expected.length === 0) expect(await codesOf(await rewritten(signed, change))).toEqual([]);
});

test("an archive behind a signed installer is reported, and so is a sector that belongs to nothing", async () => {
  const { sign, codesOf } = await bench();
  const signed = await sign(await smallMsi());
  expect(await codesOf(Buffer.concat([signed, Buffer.from("PK\u0003\u0004")]))).toEqual(["MSI_HIDDEN"]);
  expect(await codesOf(Buffer.concat([signed, Buffer.alloc(512)]))).toEqual([]);
  const lost = Buffer.concat([signed, Buffer.from("hidden, and said to be in use")]);
  const [fat, sector] = [(signed.readUInt32LE(76) + 1) * 512, signed.length / 512 - 1];
  lost.writeUInt32LE(0xfffffffe, fat + sector * 4);
  expect(await codesOf(lost)).toEqual(["MSI_HIDDEN"]);
});

test("other compound files, other programs' signatures and expired certificates are told apart", async () => {
  const { sign, codesOf } = await bench();
  expect(await codesOf(await smallMsi())).toEqual(["MSI_UNSIGNED"]);
  expect(await codesOf(await compoundFile({ WordDocument: Buffer.alloc(10) }))).toEqual([
    "MSI_NOT_MSI",
    "MSI_UNSIGNED",
  ]);
  expect(await codesOf(Buffer.from("MZ"))).toEqual(["COMPOUND_DAMAGED"]);
  const { expired } = authority;
  expect(await codesOf(await sign(await smallMsi(), { signer: expired.signer }))).toEqual(["CERTIFICATE_EXPIRED"]);
  await expect(sign(await compoundFile({}))).rejects.toMatchObject({ code: "MSI_NOT_MSI" });
});
