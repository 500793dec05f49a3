import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { rangeOfBytes } from "../../../../build/formats/byte-range.ts";
import { readXar } from "../../../../build/formats/xar.ts";
import type { Problem } from "../../../../runtime/base/errors.ts";
import { signDmg } from "../../../../signing/apple/dmg.ts";
import { attachTicket } from "../../../../signing/apple/notary/staple.ts";
import { parseSuperBlob, SLOT } from "../../../../signing/apple/super-blob.ts";
import { readDiskImage } from "../../../../signing/apple/udif.ts";
import { inspectDmg } from "../../../../signing/apple/verify-dmg.ts";
import { inspectXar } from "../../../../signing/apple/verify-xar.ts";
import { signXar } from "../../../../signing/apple/xar-signature.ts";
import { TEAM_ID } from "../../../fakes/certificate-authority.ts";
import { startTimestampAuthority } from "../../../fakes/timestamp-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { smallDmg } from "./notary/small-dmg.ts";
import { smallXar } from "./notary/small-xar.ts";
import { authority, trustedRoots } from "./signing.ts";

const PARTITION = Buffer.alloc(512 * 8, "a partition ");
const FILES = { Distribution: Buffer.from("<installer-gui-script/>"), Payload: Buffer.alloc(900, "payload ") };
const TICKET = Buffer.concat([Buffer.from("s8ch"), Buffer.alloc(60, 7)]);
const signingTime = new Date("2026-06-01T11:59:00Z");

type Kind = "dmg" | "pkg";
interface Made {
  readonly folder: string;
  readonly bytes: Buffer;
}

/** A signed and stapled file; `signed: false` for one that is neither. */
async function made(
  kind: Kind,
  settings: { signed?: boolean; signer?: typeof authority.application } = {},
): Promise<Made> {
  const folder = await scratchFolder();
  const tsa = await startTimestampAuthority();
  onTestFinished(() => tsa.close());
  const at = (name: string): string => join(folder, `${name}.${kind}`);
  await writeFile(at("unsigned"), kind === "dmg" ? smallDmg(PARTITION) : smallXar(FILES));
  if (settings.signed === false) return { folder, bytes: await readFile(at("unsigned")) };
  const timestamp = { url: tsa.url, fetch };
  if (kind === "dmg") {
    const { signer } = settings.signer ?? authority.application;
    const signing = { signer, file: "Notes.dmg", signingTime, timestamp };
    await signDmg({ path: at("unsigned"), output: at("signed"), identifier: "Notes", teamId: TEAM_ID, signing });
  } else {
    const { signer } = settings.signer ?? authority.installer;
    await signXar({
      path: at("unsigned"),
      output: at("signed"),
      signer,
      fileName: "Notes.pkg",
      signingTime,
      timestamp,
    });
  }
  await attachTicket(at("signed"), at("stapled"), TICKET);
  return { folder, bytes: await readFile(at("stapled")) };
}

async function problemsOf(
  kind: Kind,
  folder: string,
  bytes: Uint8Array,
  roots = trustedRoots,
): Promise<readonly Problem[]> {
  const path = join(folder, `checked.${kind}`);
  await writeFile(path, bytes);
  const options = { trustedRoots: roots };
  return (await (kind === "dmg" ? inspectDmg(path, options) : inspectXar(path, options))).problems;
}

async function codesOf(kind: Kind, folder: string, bytes: Uint8Array): Promise<readonly string[]> {
  return Array.from(new Set((await problemsOf(kind, folder, bytes)).map(({ code }) => code)));
}

test.for(["dmg", "pkg"] as const)(
  "a signed and stapled .%s holds, and says who, when and with which ticket",
  async (kind) => {
    const { folder, bytes } = await made(kind);
    expect(await problemsOf(kind, folder, bytes)).toEqual([]);
    const path = join(folder, `checked.${kind}`);
    if (kind === "dmg") {
      const { cms, ticket, dataChecksum, designated, cdHashes } = await inspectDmg(path, { trustedRoots });
      expect(cms).toMatchObject({ isTrusted: true, timestamp: new Date("2026-06-01T12:00:00Z"), signingTime });
      expect(cms?.timestampChain.length).toBe(2);
      expect(Buffer.from(ticket ?? []).equals(TICKET)).toBe(true);
      expect({ dataChecksum, designated, cdHashes: cdHashes?.length }).toEqual({
        dataChecksum: undefined,
        designated: undefined,
        cdHashes: 1,
      });
    } else {
      const { chain, isTrusted, timestamp, archive } = await inspectXar(path, { trustedRoots });
      expect({ isTrusted, timestamp, links: chain.length }).toEqual({
        isTrusted: true,
        timestamp: new Date("2026-06-01T12:00:00Z"),
        links: 3,
      });
      expect(Buffer.from(archive?.ticket ?? []).equals(TICKET)).toBe(true);
    }
  },
);

/** Named places in a signed and stapled image. */
async function dmgPlaces(bytes: Buffer) {
  const { dataBytes, signature } = await readDiskImage(rangeOfBytes(bytes));
  const blobs = parseSuperBlob(signature ?? new Uint8Array());
  const slot = (number: number): number =>
    dataBytes + (blobs.find((blob) => blob.slot === number)?.bytes.byteOffset ?? 0) - (signature?.byteOffset ?? 0);
  return { dataBytes, slot, koly: bytes.length - 512 };
}

test.each<readonly [string, (places: Awaited<ReturnType<typeof dmgPlaces>>) => number, string]>([
  ["the data", () => 100, "CODESIGN_PAGE_HASH"],
  ["the property list", ({ dataBytes }) => dataBytes - 200, "CODESIGN_PAGE_HASH"],
  ["the CodeDirectory's identifier", ({ slot }) => slot(0) + 52, "CMS_DIGEST"],
  ["the CodeDirectory's hash", ({ slot }) => slot(0) + 60, "CMS_DIGEST"],
  ["the requirements", ({ slot }) => slot(2) + 11, "CODESIGN_SLOT"],
  ["the CMS message", ({ slot }) => slot(SLOT.cms) + 600, "CMS"],
  ["the ticket's magic", ({ slot }) => slot(SLOT.ticket) + 8, "TICKET_DAMAGED"],
  ["the ticket's blob", ({ slot }) => slot(SLOT.ticket) + 1, "CODESIGN_BLOB"],
  ["the trailer's magic", ({ koly }) => koly, "DMG_DAMAGED"],
  ["the trailer's flags", ({ koly }) => koly + 15, "CODESIGN_SLOT"],
  ["the trailer's sector count", ({ koly }) => koly + 499, "CODESIGN_SLOT"],
  ["the trailer's reserved bytes", ({ koly }) => koly + 505, "CODESIGN_SLOT"],
  ["the trailer's signature offset", ({ koly }) => koly + 303, "DMG_DAMAGED"],
  ["the trailer's signature length", ({ koly }) => koly + 311, "DMG_DAMAGED"],
])("one changed byte in %s of a disk image is reported", async (_, at, code) => {
  const { folder, bytes } = await made("dmg");
  bytes[at(await dmgPlaces(bytes))]! ^= 0x01;
  expect((await codesOf("dmg", folder, bytes)).join()).toContain(code);
});

async function pkgPlaces(bytes: Buffer) {
  const { heapOffset, toc, endOffset } = await readXar(rangeOfBytes(bytes));
  const [rsa, cms] = toc.signatures;
  return {
    toc: 28,
    checksum: heapOffset,
    rsa: heapOffset + (rsa?.offset ?? 0),
    cms: heapOffset + (cms?.offset ?? 0),
    cmsPadding: heapOffset + (cms?.offset ?? 0) + (cms?.size ?? 0) - 4,
    data: heapOffset + (toc.data[0]?.offset ?? 0),
    trailer: endOffset,
  };
}

test.each<readonly [string, (places: Awaited<ReturnType<typeof pkgPlaces>>) => number, string]>([
  ["the header's magic", () => 0, "XAR_DAMAGED"],
  ["the header's checksum number", () => 27, "XAR_DAMAGED"],
  ["the table of contents", ({ toc }) => toc + 300, "XAR_"],
  ["the table's checksum", ({ checksum }) => checksum + 3, "XAR_DAMAGED"],
  ["the RSA signature", ({ rsa }) => rsa + 9, "XAR_SIGNATURE"],
  ["the CMS message", ({ cms }) => cms + 700, "CMS"],
  ["the padding behind the CMS message", ({ cmsPadding }) => cmsPadding, "DER_INVALID"],
  ["a file's data", ({ data }) => data + 2, "XAR_DATA"],
  ["the notarization trailer", ({ trailer }) => trailer, "XAR_DAMAGED"],
  ["the ticket's magic", ({ trailer }) => trailer + 16, "TICKET_DAMAGED"],
])("one changed byte in %s of a package is reported", async (_, at, code) => {
  const { folder, bytes } = await made("pkg");
  bytes[at(await pkgPlaces(bytes))]! ^= 0x01;
  expect((await codesOf("pkg", folder, bytes)).join()).toContain(code);
});

test.for(["dmg", "pkg"] as const)(
  "a changed byte anywhere in a .%s is reported, but for what Apple alone can check",
  async (kind) => {
    const { folder, bytes } = await made(kind);
    const ticket = bytes.indexOf(TICKET) + 4;
    const timeRoot = bytes.indexOf("Erth Test Time Root");
    const unreported: number[] = [];
    for (let at = 0; at < bytes.length; at += 29) {
      bytes[at]! ^= 1 << (at % 8);
      if ((await codesOf(kind, folder, bytes)).length === 0) unreported.push(at);
      bytes[at]! ^= 1 << (at % 8);
    }
    const isKnown = (at: number): boolean =>
      (at >= ticket && at < ticket + TICKET.length) ||
      // The issuer's name of the time authority's root, without which it is an intermediate whose root was left out.
      (at > timeRoot - 64 && at < timeRoot + 400);
    expect(unreported.filter((at) => !isKnown(at))).toEqual([]);
  },
);

test("unsigned, ad hoc, untrusted, of the wrong kind, expired, and with data behind them", async () => {
  for (const kind of ["dmg", "pkg"] as const) {
    const unsigned = await made(kind, { signed: false });
    const isDmg = kind === "dmg";
    expect(await codesOf(kind, unsigned.folder, unsigned.bytes)).toEqual([isDmg ? "CODESIGN_MISSING" : "XAR_UNSIGNED"]);
    const { folder, bytes } = await made(kind);
    expect((await problemsOf(kind, folder, bytes, [])).map(({ code }) => code)).toContain("CMS_UNTRUSTED");
    const other = await made(kind, { signer: isDmg ? authority.installer : authority.application });
    expect(await codesOf(kind, other.folder, other.bytes)).toContain("CMS_CHAIN");
    const longer = Buffer.concat([bytes, Buffer.from("appended")]);
    expect(await codesOf(kind, folder, longer)).toEqual([isDmg ? "DMG_DAMAGED" : "XAR_HIDDEN"]);
  }
  const { folder, bytes } = await made("dmg", { signer: authority.expired });
  expect(await codesOf("dmg", folder, bytes)).toEqual(["CMS_EXPIRED"]);
});

test("every truncated file is reported", async () => {
  for (const kind of ["dmg", "pkg"] as const) {
    const { folder, bytes } = await made(kind);
    const unreported: number[] = [];
    for (let length = 0; length < bytes.length; length += 61) {
      if ((await codesOf(kind, folder, bytes.subarray(0, length))).length === 0) unreported.push(length);
    }
    expect(unreported).toEqual([]);
  }
});

test("an image whose checksum is not that of its data is told so", async () => {
  const { folder, bytes } = await made("dmg", { signed: false });
  const koly = bytes.subarray(-512);
  koly.writeUInt32BE(2, 80);
  koly.writeUInt32BE(32, 84);
  koly.writeUInt32BE(0x1234, 88);
  expect(await codesOf("dmg", folder, bytes)).toEqual(["DMG_CHECKSUM", "CODESIGN_MISSING"]);
});
