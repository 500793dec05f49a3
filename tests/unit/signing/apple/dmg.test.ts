import { createHash, randomBytes } from "node:crypto";
import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { rangeOfBytes } from "../../../../build/formats/byte-range.ts";
import { parseCodeDirectory } from "../../../../signing/apple/code-directory.ts";
import { encodeDmgCodeDirectory, signDmg } from "../../../../signing/apple/dmg.ts";
import { parseSuperBlob } from "../../../../signing/apple/super-blob.ts";
import { readDiskImage } from "../../../../signing/apple/udif.ts";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { appleAuthority, TEAM_ID } from "../../../fakes/certificate-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { smallDmg } from "./notary/small-dmg.ts";

const PARTITION = randomBytes(512 * 40);
const DMG = smallDmg(PARTITION);

async function place(bytes: Uint8Array = DMG) {
  const folder = await scratchFolder();
  const path = join(folder, "in.dmg");
  await writeFile(path, bytes);
  return { path, output: join(folder, "out.dmg"), identifier: "Notes-1.4.0" };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("the signature fills the gap before the trailer, and hashes data and trailer as Apple reads them", async () => {
  const request = await place();
  const signing = {
    signer: appleAuthority().application.signer,
    file: "in.dmg",
    signingTime: new Date("2026-06-01T12:00:00Z"),
  };
  await signDmg({ ...request, teamId: TEAM_ID, signing });
  const out = await readFile(request.output);
  const koly = out.subarray(-512);
  const dataBytes = DMG.length - 512;
  const signatureOffset = Number(koly.readBigUInt64BE(296));
  const signatureBytes = Number(koly.readBigUInt64BE(304));
  expect(signatureOffset).toBe(dataBytes);
  expect(signatureOffset + signatureBytes + 512).toBe(out.length);
  expect(out.subarray(0, dataBytes).equals(DMG.subarray(0, dataBytes))).toBe(true);

  const blob = out.subarray(signatureOffset, -512);
  expect(blob.readUInt32BE(4)).toBe(signatureBytes);
  const blobs = parseSuperBlob(blob);
  expect(blobs.map(({ slot }) => slot)).toEqual([0, 2, 0x10000]);
  const directory = parseCodeDirectory(blobs[0]!.bytes);
  expect(directory).toMatchObject({
    version: 0x20200,
    flags: 0,
    teamId: TEAM_ID,
    pageSizeLog2: 0,
    pages: 1,
    codeLimit: dataBytes,
    identifier: "Notes-1.4.0",
  });
  expect(Buffer.from(directory.pageHash(0)).toString("hex")).toBe(sha256(DMG.subarray(0, dataBytes)));
  // The trailer with the offset in place and the length blanked.
  const blind = Buffer.from(koly);
  blind.writeBigUInt64BE(0n, 304);
  expect(Buffer.from(directory.specialHash(6)!).toString("hex")).toBe(sha256(blind));
  expect(Buffer.from(directory.specialHash(2)!).toString("hex")).toBe(
    sha256(Buffer.from("fade0c010000000c00000000", "hex")),
  );
});

test("without a key the signature is ad hoc; version and size stay as small as they can", async () => {
  const request = await place();
  const directory = parseCodeDirectory(await signDmg(request));
  expect(directory).toMatchObject({ version: 0x20100, flags: 2, teamId: undefined });
  const { signature } = await readDiskImage(rangeOfBytes(await readFile(request.output)));
  expect(parseSuperBlob(signature!).find(({ slot }) => slot === 0x10000)?.bytes).toHaveLength(8);
});

test("signing again leaves the old signature out: the same bytes as signing once", async () => {
  const first = await place();
  await signDmg(first);
  const once = await readFile(first.output);
  const second = await place(once);
  await signDmg(second);
  expect((await readFile(second.output)).equals(once)).toBe(true);
});

test("an image beyond 4 GiB has its limit in the 64-bit field", () => {
  const hash = new Uint8Array(32);
  const facts = {
    identifier: "x",
    teamId: undefined,
    flags: 0,
    codeHash: hash,
    requirementsHash: hash,
    trailerHash: hash,
  };
  const directory = parseCodeDirectory(encodeDmgCodeDirectory({ ...facts, codeLimit: 5 * 2 ** 30 }));
  expect(directory).toMatchObject({ version: 0x20300, codeLimit: 5 * 2 ** 30 });
});

test("permissions are kept, the source stays, and a result is never its own source", async () => {
  const request = await place();
  await chmod(request.path, 0o640);
  await signDmg(request);
  expect((await stat(request.output)).mode & 0o777).toBe(0o640);
  expect((await readFile(request.path)).equals(DMG)).toBe(true);
  await expect(signDmg({ ...request, output: request.path })).rejects.toThrow("is the file it would be made from");
  await expect(signDmg({ ...request, identifier: "a/b" })).rejects.toMatchObject({ code: "DMG_IDENTIFIER" });
});

test("no cut of an image is taken for a whole one, and none crashes", async () => {
  const request = await place();
  await signDmg(request);
  const signed = await readFile(request.output);
  for (let end = 0; end < signed.length; end += 37) {
    await expect(readDiskImage(rangeOfBytes(signed.subarray(0, end)))).rejects.toMatchObject({ code: "DMG_DAMAGED" });
  }
});

test("whatever the trailer says, it is an image or DMG_DAMAGED", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(511), fc.nat(255)), { maxLength: 12 }), async (changes) => {
      const bytes = Buffer.from(DMG);
      for (const [at, value] of changes) bytes[bytes.length - 512 + at] = value;
      try {
        const image = await readDiskImage(rangeOfBytes(bytes));
        expect(image.dataBytes).toBeLessThanOrEqual(bytes.length - 512);
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
        expect(error).toMatchObject({ code: "DMG_DAMAGED" });
      }
    }),
    { numRuns: 400 },
  );
});
