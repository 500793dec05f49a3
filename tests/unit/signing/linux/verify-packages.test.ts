import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Problem } from "../../../../runtime/base/errors.ts";
import type { OpenPgpKey } from "../../../../signing/linux/openpgp-key.ts";
import { type OpenPgpPublicKey, readOpenPgpPublicKeys } from "../../../../signing/linux/openpgp-public-key.ts";
import { inspectAppImage } from "../../../../signing/linux/verify-appimage.ts";
import { inspectDeb } from "../../../../signing/linux/verify-deb.ts";
import { inspectRpm, type VerifyLinuxOptions } from "../../../../signing/linux/verify-rpm.ts";
import { ar, smallAppImage, smallDeb, smallElf, smallRpm } from "../../../support/linux-packages.ts";
import { openPgpKey } from "../../../support/openpgp-keys.ts";
import { scratchFolder } from "../../../support/scratch.ts";

const INSPECT = { deb: inspectDeb, rpm: inspectRpm, AppImage: inspectAppImage } as const;
type Kind = keyof typeof INSPECT;
const KINDS = Object.keys(INSPECT) as readonly Kind[];
const now = new Date("2026-06-02T00:00:00Z");

let key: OpenPgpKey;
let keys: readonly OpenPgpPublicKey[] = [];
let others: readonly OpenPgpPublicKey[] = [];
beforeAll(async () => {
  key = await openPgpKey();
  keys = await readOpenPgpPublicKeys(Buffer.from(key.armoredPublicKey), "key");
  others = await readOpenPgpPublicKeys(Buffer.from((await openPgpKey("Else")).armoredPublicKey), "key");
});

async function made(kind: Kind, isSigned = true): Promise<Buffer> {
  const by = isSigned ? { key } : {};
  if (kind === "deb") return await smallDeb(by);
  return kind === "rpm" ? await smallRpm(by) : await smallAppImage(by.key);
}

async function inspect(kind: Kind, bytes: Uint8Array, options: Partial<VerifyLinuxOptions> = {}) {
  const path = join(await scratchFolder(), "file");
  await writeFile(path, bytes);
  return await INSPECT[kind](path, { keys, now, ...options });
}

const codes = (problems: readonly Problem[]): readonly string[] =>
  Array.from(new Set(problems.map(({ code }) => code)));

test.for(KINDS)("a signed %s holds, and says by whom and when", async (kind) => {
  const { problems, signatures, facts } = await inspect(kind, await made(kind));
  expect(problems).toEqual([]);
  const signedAt = new Date("2026-06-01T12:00:00Z");
  expect(signatures).toMatchObject([{ signer: "Erth Test", holds: true, signedAt }]);
  if (kind !== "AppImage") expect(facts["package"]).toMatch(/^notes.*1\.4\.0/);
});

test.for(KINDS)("an unsigned %s has no problem, and no signature", async (kind) => {
  expect(await inspect(kind, await made(kind, false))).toMatchObject({ problems: [], signatures: [] });
});

test.for(KINDS)("a signature by another key is told so: %s", async (kind) => {
  const { problems, signatures } = await inspect(kind, await made(kind), { keys: others });
  expect(codes(problems)).toEqual(["SIGNATURE_KEY_UNKNOWN"]);
  expect(signatures).toMatchObject([{ holds: undefined }]);
});

test("an AppImage without a given key is judged by its own, and called neither trusted nor not", async () => {
  const { problems, isTrusted, facts } = await inspectAppImage(await write(await made("AppImage")), { keys: [], now });
  expect({ problems, isTrusted }).toEqual({ problems: [], isTrusted: undefined });
  expect(facts["updates"]).toBe("zsync|https://erth.dev/notes.zsync");
});

async function write(bytes: Uint8Array): Promise<string> {
  const path = join(await scratchFolder(), "file");
  await writeFile(path, bytes);
  return path;
}

test.for(KINDS)("one changed byte anywhere in a signed %s is reported", async (kind) => {
  const bytes = await made(kind);
  const path = join(await scratchFolder(), "file");
  const unreported: number[] = [];
  // The rooms for signature and key in an AppImage are long and mostly blank.
  const step = (at: number): number => (kind === "AppImage" && at > 600 && at < 9000 ? 400 : 17);
  for (let at = 0; at < bytes.length; at += step(at)) {
    bytes[at]! ^= 1 << (at % 8);
    await writeFile(path, bytes);
    const { problems } = await INSPECT[kind](path, { keys, now });
    if (problems.length === 0) unreported.push(at);
    bytes[at]! ^= 1 << (at % 8);
  }
  const headers = Array.from(bytes.toString("latin1").matchAll(/`\n/g), ({ index }) => index - 58);
  const packet = bytes.indexOf(0x89, 192);
  const known: Readonly<Record<Kind, (at: number) => boolean>> = {
    // Time, owners and mode of members, which nothing covers and nobody reads.
    deb: (at) => headers.some((start) => at >= start + 16 && at < start + 48),
    // The lead, a copy of the name for old readers; tags of the signature header, which lists digests and is
    // signed by nobody; and the kind of the OpenPGP signature's one subpacket that is not hashed.
    rpm: (at) => at < 96 || (at >= 112 && at < 192) || (at > packet + 30 && at < packet + 45),
    // Blank room behind signature and key, and the section that holds the key.
    AppImage: (at) => at >= 128 && at < 128 + 1024 + 8192,
  };
  expect(unreported.filter((at) => !known[kind](at))).toEqual([]);
});

test.for(KINDS)("every truncated %s is reported", async (kind) => {
  const bytes = await made(kind);
  const path = join(await scratchFolder(), "file");
  const unreported: number[] = [];
  for (let length = 0; length < bytes.length; length += 23) {
    await writeFile(path, bytes.subarray(0, length));
    const { problems } = await INSPECT[kind](path, { keys, now });
    if (problems.length === 0) unreported.push(length);
  }
  // A package that was cut off before its signature was once signed, and nobody can tell.
  expect(unreported).toEqual([]);
});

test.each<readonly [string, () => Promise<Buffer>, readonly string[]]>([
  [
    "a file that md5sums does not have right",
    () => smallDeb({ md5sums: `${"0".repeat(32)}  usr/bin/notes\n` }),
    ["DEB_DIGEST"],
  ],
  ["a file that is not there", () => smallDeb({ md5sums: `${"0".repeat(32)}  usr/bin/other\n` }), ["DEB_DIGEST"]],
  ["a path that climbs", () => smallDeb({ files: { "./../etc/x": "x" } }), ["DEB_PATH"]],
  ["a member that no package has", () => smallDeb({ members: { evil: Buffer.from("x") } }), ["DEB_MEMBERS"]],
  [
    "a signature over weak digests",
    () => smallDeb({ members: { _gpgbuilder: Buffer.from("-----BEGIN PGP SIGNED MESSAGE-----") } }),
    ["DEB_SIGNATURE"],
  ],
  [
    "members in another order",
    async () => ar({ "control.tar.gz": Buffer.of(1), "debian-binary": Buffer.from("2.0\n") }),
    ["DEB_MEMBERS"],
  ],
  ["no package at all", async () => Buffer.from("text"), ["AR_DAMAGED"]],
])("deb: %s", async (_, make, expected) => {
  expect(codes((await inspect("deb", await make())).problems)).toEqual(expected);
});

test("deb: a bomb is not read to its end", async () => {
  const limits = { maxEntries: 10, maxBytes: 1 << 20, maxRatio: 200 };
  const { problems } = await inspect("deb", await smallDeb({ files: { "./zeros": "\0".repeat(2 << 20) } }), { limits });
  expect(codes(problems)).toContain("DEB_LIMIT");
});

test("rpm: digests that differ, and that are missing", async () => {
  const { problems } = await inspect("rpm", await smallRpm({ signatureTags: { 273: "0".repeat(64), 1000: 5 } }));
  expect(problems.map(({ message }) => message).join()).toMatch(/SHA-256 is .*Header and payload have/);
  const bare = await smallRpm({ signatureTags: { 273: Buffer.alloc(3) } });
  expect(codes((await inspect("rpm", bare)).problems)).toEqual(["RPM_DIGEST"]);
});

test("AppImages of another type, without files, and with a key alone are told apart", async () => {
  const old = await smallAppImage();
  old[10] = 1;
  expect(codes((await inspect("AppImage", old)).problems)).toEqual(["APPIMAGE_TYPE"]);
  const empty = smallElf();
  empty.write("AI\u0002", 8, "latin1");
  expect(codes((await inspect("AppImage", empty)).problems)).toEqual(["APPIMAGE_EMPTY"]);
  const signed = await smallAppImage(key);
  signed.fill(0, 128, 128 + 1024);
  expect(codes((await inspect("AppImage", signed)).problems)).toEqual(["APPIMAGE_SIGNATURE"]);
});
