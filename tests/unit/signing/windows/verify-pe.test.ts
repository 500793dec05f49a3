import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ErthError, type Problem } from "../../../../runtime/base/errors.ts";
import { explainPe } from "../../../../signing/windows/explain-pe.ts";
import { encodeCertificateTable } from "../../../../signing/windows/certificate-table.ts";
import { parsePe } from "../../../../signing/windows/pe.ts";
import { imageDigest } from "../../../../signing/windows/authenticode.ts";
import { verifyPe } from "../../../../signing/windows/verify-pe.ts";
import { appleAuthority } from "../../../fakes/certificate-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { authority, signedProgram } from "./signing.ts";
import { CHECKSUM_OFFSET, entryOffset, smallPe } from "./small-pe.ts";

const overlay = Buffer.alloc(300, "payload");
const whole = await signedProgram(smallPe({ overlay }), { description: "Notes" });
const tableOffset = whole.readUInt32LE(entryOffset());
const trusted = [authority.root.der];

async function problemsOf(file: Uint8Array, settings = {}): Promise<readonly Problem[]> {
  const path = join(await scratchFolder(), "file.exe");
  await writeFile(path, file);
  return (await verifyPe({ file: path, trusted, ...settings })).problems;
}

async function codesOf(file: Uint8Array, settings = {}): Promise<readonly string[]> {
  return [...new Set((await problemsOf(file, settings)).map(({ code }) => code))].sort();
}

/** With the checksum that the changed file should have, so that only the signature can tell. */
function withChecksum(file: Buffer): Buffer {
  const pe = parsePe(file, file.length);
  const offset = file.readUInt32LE(entryOffset());
  const image = imageDigest(pe);
  image.update(file.subarray(0, offset));
  file.writeUInt32LE(image.checksum({ offset, bytes: file.subarray(offset) }), CHECKSUM_OFFSET);
  return file;
}

function changed(change: (file: Buffer) => Buffer | void): Buffer {
  const copy = Buffer.from(whole);
  return change(copy) ?? copy;
}

function flip(file: Buffer, at: number): void {
  file[at] = (file[at] ?? 0) ^ 0x01;
}

/** Where these bytes are in the signed file; each is there once. */
function find(bytes: Uint8Array | string, from = tableOffset): number {
  const at = whole.indexOf(bytes, from);
  expect(at).toBeGreaterThan(0);
  return at;
}

const MESSAGE_DIGEST_OID = Buffer.from("06092a864886f70d010904", "hex");
const TIMESTAMP_OID = Buffer.from("060a2b060104018237030301", "hex");

test("the file itself has no problem", async () => {
  expect(await problemsOf(whole)).toEqual([]);
});

const attacks: Readonly<Record<string, readonly [(file: Buffer) => Buffer | void, readonly string[]]>> = {
  "a byte of the DOS stub": [(file) => flip(file, 0x60), ["AUTHENTICODE_DIGEST"]],
  "a byte of a section header": [(file) => flip(file, 0x80 + 24 + 240 + 37), ["AUTHENTICODE_DIGEST"]],
  "a byte of code": [(file) => flip(file, 1100), ["AUTHENTICODE_DIGEST"]],
  "a byte of the payload": [(file) => flip(file, 2560 + 17), ["AUTHENTICODE_DIGEST"]],
  "a byte of the padding between payload and table": [(file) => flip(file, tableOffset - 1), ["AUTHENTICODE_DIGEST"]],
  "the signed image digest": [(file) => flip(file, find("\x04\x20") + 5), ["AUTHENTICODE_DIGEST", "CMS_DIGEST"]],
  "a signed attribute": [(file) => flip(file, find(Buffer.from("Notes", "utf16le").swap16()) + 1), ["CMS_SIGNATURE"]],
  "the signed message digest": [
    (file) => flip(file, find(MESSAGE_DIGEST_OID) + MESSAGE_DIGEST_OID.length + 8),
    ["CMS_DIGEST", "CMS_SIGNATURE"],
  ],
  "the publisher's name in the certificate": [
    (file) => flip(file, find("Erth Test Publisher") + 3),
    ["CMS_CERTIFICATE"],
  ],
  "the timestamp's time": [(file) => flip(file, find("20260601120000Z") + 12), ["CMS_DIGEST"]],
  "the timestamp's imprint": [
    (file) => flip(file, find("\x04\x20", find(TIMESTAMP_OID)) + 9),
    ["CMS_DIGEST", "TIMESTAMP_IMPRINT"],
  ],
  "dwLength, one entry short": [
    (file) => void file.writeUInt32LE(file.readUInt32LE(tableOffset) - 8, tableOffset),
    ["PE_CERTIFICATE_TABLE"],
  ],
  "dwLength, beyond the table": [
    (file) => void file.writeUInt32LE(file.readUInt32LE(tableOffset) + 8, tableOffset),
    ["PE_CERTIFICATE_TABLE"],
  ],
  "another revision": [(file) => flip(file, tableOffset + 4), ["PE_CERTIFICATE_TABLE"]],
  "another type": [(file) => flip(file, tableOffset + 6), ["PE_CERTIFICATE_TABLE"]],
  "appended data": [(file) => Buffer.concat([file, Buffer.from("appended")]), ["PE_CERTIFICATE_TABLE"]],
  "a table one byte short": [(file) => file.subarray(0, -1), ["PE_CERTIFICATE_TABLE"]],
  "an entry that points nowhere": [(file) => file.subarray(0, tableOffset), ["PE_CERTIFICATE_TABLE"]],
};

test.each(Object.entries(attacks))("attack: %s", async (_, [attack, expected]) => {
  const codes = await codesOf(changed(attack));
  expect(codes).toEqual(expect.arrayContaining([...expected]));
});

test("attack: payload hidden behind the signature, in dwLength, table and checksum", async () => {
  const table = Buffer.concat([whole.subarray(tableOffset + 8), Buffer.from("hidden payload, 24 bytes")]);
  const file = Buffer.concat([whole.subarray(0, tableOffset), encodeCertificateTable(table)]);
  file.writeUInt32LE(file.length - tableOffset, entryOffset() + 4);
  const codes = await codesOf(withChecksum(file));
  expect(codes).toEqual(["AUTHENTICODE_UNREADABLE", "PE_CERTIFICATE_TABLE"]);
  // Zeros hide nothing, yet room for a payload is refused too.
  const zeros = Buffer.concat([
    whole.subarray(0, tableOffset),
    encodeCertificateTable(Buffer.concat([whole.subarray(tableOffset + 8), Buffer.alloc(64)])),
  ]);
  zeros.writeUInt32LE(zeros.length - tableOffset, entryOffset() + 4);
  expect(await codesOf(withChecksum(zeros))).toEqual(["PE_CERTIFICATE_TABLE"]);
});

test("attack: the signature of another program", async () => {
  const other = await signedProgram(smallPe({ overlay, code: Buffer.alloc(700, 0x90) }), { description: "Notes" });
  const file = Buffer.concat([other.subarray(0, tableOffset), whole.subarray(tableOffset)]);
  expect(await codesOf(withChecksum(file))).toEqual(["AUTHENTICODE_DIGEST"]);
});

test("a checksum of another file is told alone", async () => {
  expect(await codesOf(changed((file) => flip(file, CHECKSUM_OFFSET)))).toEqual(["PE_CHECKSUM"]);
});

test("unsigned, unstamped, expired, of the wrong kind, untrusted, and alone", async () => {
  expect(await codesOf(smallPe())).toEqual(["PE_UNSIGNED"]);
  expect(await codesOf(Buffer.from("text"))).toEqual(["PE_NOT_PE"]);
  const sign = (more: Parameters<typeof signedProgram>[1]) => signedProgram(smallPe(), more);
  expect(await codesOf(await sign({ timestampUrl: null }))).toEqual(["TIMESTAMP_MISSING"]);
  expect(await codesOf(await sign({ signer: authority.expired.signer }))).toEqual(["CERTIFICATE_EXPIRED"]);
  expect(await codesOf(await sign({ signer: authority.server.signer }))).toEqual(["CERTIFICATE_KIND"]);
  expect(await codesOf(whole, { trusted: [appleAuthority().root.der] })).toEqual(["CERTIFICATE_UNTRUSTED"]);
  const { signer } = authority.leaf;
  const alone = { ...signer, certificates: () => Promise.resolve([authority.leaf.der]) };
  expect(await codesOf(await sign({ signer: alone }))).toEqual(["CERTIFICATE_CHAIN", "CERTIFICATE_UNTRUSTED"]);
  const rootless = { ...signer, certificates: () => Promise.resolve(authority.leaf.chain.slice(0, 2)) };
  expect(await codesOf(await sign({ signer: rootless }))).toEqual([]);
});

test("without a timestamp, now is what certificates are judged by", async () => {
  const file = await signedProgram(smallPe(), { timestampUrl: null });
  expect(await codesOf(file, { now: new Date("2055-01-01T00:00:00Z") })).toEqual([
    "CERTIFICATE_EXPIRED",
    "TIMESTAMP_MISSING",
  ]);
});

test("cut off at any byte of headers and table: problems, never a throw, never silence", async () => {
  const path = join(await scratchFolder(), "cut.exe");
  const lengths = [
    ...Array.from({ length: 128 }, (_, index) => index * 9),
    ...range(tableOffset - 8, whole.length, 37),
  ];
  for (const length of lengths) {
    await writeFile(path, whole.subarray(0, length));
    const { problems } = await verifyPe({ file: path, trusted });
    expect(problems.length, `${length} bytes`).toBeGreaterThan(0);
  }
});

test("1,000 files with changed bytes in the table: not one goes unseen", async () => {
  const unseen = await mutate(20260601, (random) => tableOffset + random(whole.length - tableOffset));
  expect(unseen).toEqual([]);
});

test("1,000 files with changed bytes in the image and a checksum made right: not one goes unseen", async () => {
  const unseen = await mutate(20260602, (random) => random(tableOffset), repairChecksum);
  expect(unseen).toEqual([]);
});

/** The rounds in which `verifyPe` found nothing. */
async function mutate(
  seed: number,
  place: (random: (bound: number) => number) => number,
  finish: (file: Buffer) => void = () => undefined,
): Promise<readonly string[]> {
  const folder = await scratchFolder();
  const random = generator(seed);
  const verify = async (round: number): Promise<readonly string[]> => {
    const places = Array.from({ length: 1 + random(4) }, () => place(random));
    const file = Buffer.from(whole);
    for (const at of places) file[at] = random(256);
    if (isEqualBesidesChecksum(file)) return [];
    finish(file);
    const path = join(folder, `${round}.exe`);
    await writeFile(path, file);
    const { problems } = await verifyPe({ file: path, trusted });
    if (round % 20 === 0) await explainPe(path).catch(expectErthError);
    return problems.length === 0 ? [`round ${round}: ${places.join()}`] : [];
  };
  const unseen: string[] = [];
  for (let round = 0; round < 1000; round += 10) {
    const batch = Array.from({ length: 10 }, (_, index) => verify(round + index));
    unseen.push(...(await Promise.all(batch)).flat());
  }
  return unseen;
}

function isEqualBesidesChecksum(file: Buffer): boolean {
  const copy = Buffer.from(file);
  whole.copy(copy, CHECKSUM_OFFSET, CHECKSUM_OFFSET, CHECKSUM_OFFSET + 4);
  return copy.equals(whole);
}

/** Unless the headers are beyond it. */
function repairChecksum(file: Buffer): void {
  try {
    withChecksum(file);
  } catch (cause) {
    expectErthError(cause);
  }
}

function expectErthError(cause: unknown): void {
  expect(cause).toBeInstanceOf(ErthError);
}

function range(from: number, to: number, step: number): readonly number[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step);
}

/** A fixed sequence of numbers below a bound. */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % bound;
  };
}
