import { createHash, randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ErthError } from "../../../../../runtime/base/errors.ts";
import { rangeOfBytes } from "../../../../../build/formats/byte-range.ts";
import { cdHashOf } from "../../../../../signing/apple/code-directory.ts";
import { signDmg } from "../../../../../signing/apple/dmg.ts";
import { kindOf, ticketNameOf } from "../../../../../signing/apple/notary/artifact-kind.ts";
import { attachTicket } from "../../../../../signing/apple/notary/staple.ts";
import { parseTicketAnswer, ticketRecordName } from "../../../../../signing/apple/notary/ticket.ts";
import { PassingFailure } from "../../../../../signing/apple/notary/retry.ts";
import { parseSuperBlob } from "../../../../../signing/apple/super-blob.ts";
import { readDiskImage } from "../../../../../signing/apple/udif.ts";
import { readXar } from "../../../../../build/formats/xar.ts";
import { signXar } from "../../../../../signing/apple/xar-signature.ts";
import { appleAuthority } from "../../../../fakes/certificate-authority.ts";
import { scratchFolder } from "../../../../support/scratch.ts";
import { smallApp, smallMachO } from "./small-app.ts";
import { smallDmg } from "./small-dmg.ts";
import { smallXar } from "./small-xar.ts";

const TICKET = Buffer.concat([Buffer.from("s8ch"), randomBytes(3001)]);

async function signedDmg(folder: string): Promise<{ path: string; codeDirectory: Uint8Array }> {
  const path = join(folder, "Notes.dmg");
  await writeFile(join(folder, "unsigned"), smallDmg(randomBytes(4096)));
  return { path, codeDirectory: await signDmg({ path: join(folder, "unsigned"), output: path, identifier: "Notes" }) };
}

async function signedPkg(folder: string): Promise<{ path: string; checksum: Uint8Array }> {
  const path = join(folder, "Notes.pkg");
  await writeFile(join(folder, "unsigned"), smallXar({ Payload: randomBytes(999) }));
  const { signer } = appleAuthority().installer;
  const checksum = await signXar({
    path: join(folder, "unsigned"),
    output: path,
    fileName: "Notes.pkg",
    signer,
    signingTime: new Date(0),
  });
  return { path, checksum };
}

test("a dmg's ticket is a slot of its own; all else but the trailer's length stays", async () => {
  const folder = await scratchFolder();
  const { path, codeDirectory } = await signedDmg(folder);
  const output = join(folder, "stapled.dmg");
  await attachTicket(path, output, TICKET);
  const image = await readDiskImage(rangeOfBytes(await readFile(output)));
  const before = await readDiskImage(rangeOfBytes(await readFile(path)));
  const blob = Buffer.from(image.signature!);
  const count = blob.readUInt32BE(8);
  const entries = Array.from({ length: count }, (_, index) => [
    blob.readUInt32BE(12 + index * 8),
    blob.readUInt32BE(16 + index * 8),
  ]);
  expect(entries.map(([slot]) => slot)).toEqual([0, 2, 0x10000, 0x10002]);
  // Wrapped in a blob, as everything is that is none by itself: Apple's reader takes nothing else.
  expect(blob.subarray(entries[3]![1]).subarray(0, 8).toString("hex")).toBe("fade0b0100000bc5");
  expect(blob.subarray(entries[3]![1]! + 8).equals(TICKET)).toBe(true);
  expect(blob.readUInt32BE(4)).toBe(blob.length);
  for (const { slot, bytes } of parseSuperBlob(before.signature!)) {
    const at = entries.find(([other]) => other === slot)![1]!;
    expect(blob.subarray(at, at + bytes.length).equals(bytes)).toBe(true);
  }
  expect(image.dataBytes).toBe(before.dataBytes);
  expect(await ticketNameOf(output, "dmg")).toBe(`2/2/${cdHashOf(codeDirectory)}`);
});

test("a pkg's ticket follows the archive between two records", async () => {
  const folder = await scratchFolder();
  const { path, checksum } = await signedPkg(folder);
  const output = join(folder, "stapled.pkg");
  await attachTicket(path, output, TICKET);
  const [before, after] = [await readFile(path), await readFile(output)];
  expect(after.subarray(0, before.length).equals(before)).toBe(true);
  const trailer = after.subarray(before.length);
  expect(trailer.subarray(0, 16).toString("hex")).toBe("74386c72010001000000000000000000");
  expect(trailer.subarray(16, -16).equals(TICKET)).toBe(true);
  expect(trailer.subarray(-16).toString("hex")).toBe("74386c7201000200bd0b000000000000");
  expect(TICKET.length).toBe(0xbbd);
  expect(await ticketNameOf(output, "pkg")).toBe(`2/2/${Buffer.from(checksum).toString("hex").slice(0, 40)}`);
});

test("an app's ticket is Contents/CodeResources; links stay links, and a link in the ticket's place is not followed", async () => {
  const folder = await scratchFolder();
  const app = await smallApp(folder);
  await mkdir(join(app, "Contents", "_CodeSignature"));
  await writeFile(join(app, "Contents", "_CodeSignature", "CodeResources"), "the sealed list");
  await symlink("_CodeSignature/CodeResources", join(app, "Contents", "CodeResources"));
  await symlink("MacOS/notes", join(app, "Contents", "current"));
  const output = join(folder, "out", "Notes.app");
  await attachTicket(app, output, TICKET);
  expect((await readFile(join(output, "Contents", "CodeResources"))).equals(TICKET)).toBe(true);
  expect((await lstat(join(output, "Contents", "CodeResources"))).isFile()).toBe(true);
  expect(await readFile(join(output, "Contents", "_CodeSignature", "CodeResources"), "utf8")).toBe("the sealed list");
  expect(await readlink(join(output, "Contents", "current"))).toBe("MacOS/notes");
  expect((await lstat(join(output, "Contents", "MacOS", "notes"))).mode & 0o777).toBe(0o755);
  // The source is as it was.
  expect((await lstat(join(app, "Contents", "CodeResources"))).isSymbolicLink()).toBe(true);
  expect(await readdir(join(folder, "out"))).toEqual(["Notes.app"]);
});

test("stapling twice is stapling once, for each kind", async () => {
  const folder = await scratchFolder();
  const { path: dmg } = await signedDmg(folder);
  const { path: pkg } = await signedPkg(folder);
  for (const path of [dmg, pkg]) {
    const [once, twice, plain] = [`${path}.1`, `${path}.2`, `${path}.0`];
    await attachTicket(path, once, Buffer.concat([TICKET, randomBytes(500)]));
    await attachTicket(once, twice, TICKET);
    await attachTicket(path, plain, TICKET);
    expect((await readFile(twice)).equals(await readFile(plain))).toBe(true);
    await expect(attachTicket(path, path, TICKET)).rejects.toThrow("would be made from");
  }
  const app = await smallApp(folder);
  const output = join(folder, "out", "Notes.app");
  await attachTicket(app, output, Buffer.concat([TICKET, TICKET]));
  await attachTicket(app, output, TICKET);
  expect((await readFile(join(output, "Contents", "CodeResources"))).equals(TICKET)).toBe(true);
  expect(await readdir(join(folder, "out"))).toEqual(["Notes.app"]);
});

test("bytes that are no ticket are stapled nowhere", async () => {
  const folder = await scratchFolder();
  const { path } = await signedDmg(folder);
  for (const bad of [new Uint8Array(), Buffer.from("s8ch"), Buffer.from("<html>not found, sorry</html>")]) {
    await expect(attachTicket(path, join(folder, "o"), bad)).rejects.toMatchObject({ code: "NOTARY_TICKET_DAMAGED" });
  }
  expect((await readdir(folder)).sort()).toEqual(["Notes.dmg", "unsigned"]);
});

test("kinds are told by bytes, and what cannot be stapled or notarized says why", async () => {
  const folder = await scratchFolder();
  const write = async (name: string, bytes: Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  expect(await kindOf(await write("a.pkg", smallDmg(new Uint8Array(512))))).toBe("dmg");
  expect(await kindOf(await write("a.dmg", smallXar({})))).toBe("pkg");
  const zip = await write("a.app.zip", Buffer.from("PK\u0003\u0004…"));
  expect(await kindOf(zip)).toBe("zip");
  await expect(attachTicket(zip, join(folder, "o"), TICKET)).rejects.toMatchObject({ code: "NOTARY_CANNOT_STAPLE" });
  await expect(kindOf(await write("notes", smallMachO(1)))).rejects.toMatchObject({
    code: "NOTARY_KIND",
    message: expect.stringContaining("a bare executable"),
  });
  await expect(kindOf(await write("empty", new Uint8Array()))).rejects.toMatchObject({ code: "NOTARY_KIND" });
  await expect(kindOf(folder)).rejects.toMatchObject({ code: "NOTARY_KIND" });
  await expect(ticketNameOf(join(folder, "a.pkg"), "dmg")).rejects.toMatchObject({
    code: "NOTARY_UNSIGNED",
    message: expect.stringContaining("a.pkg: the disk image"),
  });
  await expect(ticketNameOf(join(folder, "a.dmg"), "pkg")).rejects.toMatchObject({ code: "NOTARY_UNSIGNED" });
  await expect(ticketNameOf(await smallApp(folder, smallMachO(1, false)), "app")).rejects.toMatchObject({
    code: "NOTARY_UNSIGNED",
  });
});

test("an app's ticket is named by its main executable's cdhash", async () => {
  const machO = smallMachO(7);
  const app = await smallApp(await scratchFolder(), machO);
  const directory = parseSuperBlob(machO.subarray(4096))[0]!.bytes;
  const cdHash = createHash("sha256").update(directory).digest("hex").slice(0, 40);
  expect(await ticketNameOf(app, "app")).toBe(`2/2/${cdHash}`);
  await writeFile(
    join(app, "Contents", "Info.plist"),
    (await readFile(join(app, "Contents", "Info.plist"), "utf8")).replace("notes", "../../../../etc/passwd"),
  );
  await expect(ticketNameOf(app, "app")).rejects.toMatchObject({ code: "NOTARY_KIND" });
});

test("a trailer that is cut or contradicts itself is XAR_DAMAGED or no trailer at all", async () => {
  const folder = await scratchFolder();
  const { path } = await signedPkg(folder);
  await attachTicket(path, `${path}.s`, TICKET);
  const bytes = await readFile(`${path}.s`);
  const archiveBytes = (await readFile(path)).length;
  for (let end = archiveBytes; end < bytes.length; end += 7) {
    // Cut off, there is no record at the end: bytes after an archive are no ticket.
    expect((await readXar(rangeOfBytes(bytes.subarray(0, end)))).ticket).toBeUndefined();
  }
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(31), fc.nat(255)), { minLength: 1, maxLength: 6 }), async (changes) => {
      const changed = Buffer.from(bytes);
      // The last record and the first one.
      for (const [at, value] of changes) changed[at < 16 ? changed.length - 16 + at : archiveBytes + at - 16] = value;
      try {
        const { ticket, endOffset } = await readXar(rangeOfBytes(changed));
        expect(ticket === undefined ? endOffset === changed.length : endOffset === archiveBytes).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: "XAR_DAMAGED" });
      }
    }),
    { numRuns: 300 },
  );
});

test("whatever the ticket service says, it is a ticket, a miss or a failure that may pass", () => {
  const name = ticketRecordName(2, new Uint8Array(32));
  const good = JSON.stringify({
    records: [{ recordName: name, fields: { signedTicket: { type: "BYTES", value: TICKET.toString("base64") } } }],
  });
  expect(parseTicketAnswer(good, name)).toEqual({ ticket: TICKET });
  const judge = (text: string): void => {
    try {
      const found = parseTicketAnswer(text, name);
      if ("ticket" in found) expect(found.ticket).toEqual(TICKET);
    } catch (error) {
      expect(error).toBeInstanceOf(PassingFailure);
      expect(error).not.toBeInstanceOf(ErthError);
    }
  };
  for (let end = 0; end < good.length; end += 5) judge(good.slice(0, end));
  const value = fc.oneof(fc.string(), fc.base64String(), fc.constant(TICKET.toString("base64")));
  const record = fc.record(
    {
      recordName: fc.constant(name),
      fields: fc.record({ signedTicket: fc.record({ type: fc.constantFrom("BYTES", "STRING"), value }) }),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.array(record).map((records) => JSON.stringify({ records })),
      ),
      judge,
    ),
    { numRuns: 300 },
  );
});
