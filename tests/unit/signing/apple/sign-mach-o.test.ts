import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rangeOfBytes, subRange } from "../../../../build/formats/byte-range.ts";
import { decodeSignature } from "../../../../signing/apple/decode-signature.ts";
import { JIT_ENTITLEMENTS, RUNTIME_ENTITLEMENTS } from "../../../../signing/apple/entitlements.ts";
import { readFat } from "../../../../signing/apple/fat.ts";
import { readMachO } from "../../../../signing/apple/mach-o.ts";
import { signMachO } from "../../../../signing/apple/sign-mach-o.ts";
import { verifyMachO } from "../../../../signing/apple/verify-mach-o.ts";
import { fakeSigner, TEAM_ID } from "../../../fakes/certificate-authority.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { authority, signedBytes, signingBench, trustedRoots } from "./signing.ts";
import { tinyFat, tinyMachO } from "./tiny-mach-o.ts";

const CODE_SIGNATURE_BYTES = 16;

async function signatureOf(file: Uint8Array) {
  const { signature } = await readMachO(rangeOfBytes(file));
  if (signature === undefined) throw new Error("no signature");
  return decodeSignature(file.subarray(signature.offset, signature.offset + signature.size));
}

test("without a key the signature is ad hoc: no CMS, no runtime, no team, and it verifies", async () => {
  const bench = await signingBench();
  const file = await signedBytes(bench, tinyMachO({ textBytes: 9000 }));
  const { directory, cms } = await signatureOf(file);
  expect(directory).toMatchObject({ flags: 2, version: 0x20400, identifier: "dev.erth.tiny", teamId: undefined });
  expect(cms).toHaveLength(0);
  expect(await bench.codesOf(file)).toEqual([]);
  expect(statSync(join(bench.folder, "signed")).mode & 0o777).toBe(0o755);
  expect(readdirSync(bench.folder).filter((name) => name.endsWith(".part"))).toEqual([]);
});

test("with a Developer ID it has the runtime, the team, a timestamp and what a notary asks for", async () => {
  const bench = await signingBench();
  const file = await signedBytes(bench, tinyMachO({ segments: ["__BUN"] }), {
    ...bench.developerId,
    entitlements: RUNTIME_ENTITLEMENTS.bun,
  });
  const { directory } = await signatureOf(file);
  expect(directory).toMatchObject({ flags: 0x10000, version: 0x20500, teamId: TEAM_ID, runtimeVersion: 0x000f0500 });
  expect(await bench.codesOf(file, { policy: "notarizable" })).toEqual([]);
});

test("the same file and time give the same bytes", async () => {
  const bench = await signingBench();
  const options = { signer: bench.developerId.signer, signingTime: new Date(0), timestampUrl: "none" };
  const [one, two] = [await signedBytes(bench, tinyMachO(), options), await signedBytes(bench, tinyMachO(), options)];
  expect(one.equals(two)).toBe(true);
});

test("a signature is replaced by the next, as if it had never been there", async () => {
  const bench = await signingBench();
  const once = await signedBytes(bench, tinyMachO());
  const other = await signedBytes(bench, tinyMachO(), { ...bench.developerId, entitlements: JIT_ENTITLEMENTS });
  expect((await signedBytes(bench, other)).equals(once)).toBe(true);
  // A stale one, as Bun leaves it in what it compiles: its code limit and hashes are of another file.
  const stale = Buffer.from(once);
  stale.writeUInt32BE(4711, (await readMachO(rangeOfBytes(once))).signature!.offset + 12 + 3 * 8 + 32);
  stale[8000]! ^= 1;
  const fresh = Buffer.from(tinyMachO());
  fresh[8000]! ^= 1;
  expect(await bench.codesOf(stale)).not.toEqual([]);
  expect((await signedBytes(bench, stale)).equals(await signedBytes(bench, fresh))).toBe(true);
});

test("each slice of a universal file is signed on its own; slices keep order and alignment", async () => {
  const bench = await signingBench();
  const file = await signedBytes(bench, tinyFat(tinyMachO({ architecture: "x86_64" }), tinyMachO()), bench.developerId);
  const slices = (await readFat(rangeOfBytes(file))) ?? [];
  const machOs = await Promise.all(
    slices.map(({ offset, size }) => readMachO(subRange(rangeOfBytes(file), offset, size))),
  );
  expect(machOs.map(({ architecture }) => architecture)).toEqual(["x86_64", "arm64"]);
  expect(slices.every(({ offset }) => offset % 16384 === 0)).toBe(true);
  expect(await bench.codesOf(file, { policy: "notarizable" })).toEqual([]);
});

test("a library gets no entitlements, and is not marked as a program", async () => {
  const bench = await signingBench();
  const file = await signedBytes(bench, tinyMachO({ fileType: 6 }), { entitlements: JIT_ENTITLEMENTS });
  const { directory, entitlementsXml, entitlementsDer } = await signatureOf(file);
  expect([entitlementsXml, entitlementsDer, directory.execSegment?.flags]).toEqual([undefined, undefined, 0]);
  expect(await bench.codesOf(file)).toEqual([]);
});

test("an Info.plist in the program itself is sealed", async () => {
  const bench = await signingBench();
  const file = await signedBytes(bench, tinyMachO({ infoPlist: "<plist/>" }));
  const { directory } = await signatureOf(file);
  expect(directory.specialHash(1)?.some((byte) => byte !== 0)).toBe(true);
  expect(await bench.codesOf(file)).toEqual([]);
});

test("a CMS message larger than the room kept for it gets more room", async () => {
  const bench = await signingBench();
  const { application } = authority;
  // A chain padded with certificates that do not belong to it, as a careless key service might send.
  const padding = Array.from({ length: 40 }, () => authority.expired.der);
  const signer = fakeSigner("large chain", application.key, [...application.chain, ...padding]);
  const file = await signedBytes(bench, tinyMachO(), { ...bench.developerId, signer });
  const { cms } = await signatureOf(file);
  expect(cms?.length).toBeGreaterThan(18_000);
  expect(await bench.codesOf(file, { policy: "notarizable" })).toEqual([]);
});

test("a key that tells its certificate only with the signature needs the team, and must be of it", async () => {
  const bench = await signingBench();
  const { application, development } = authority;
  const late = fakeSigner("cloud key", application.key, application.chain, true);
  const options = { ...bench.developerId, signer: late };
  const file = await signedBytes(bench, tinyMachO(), { ...options, teamId: TEAM_ID });
  expect(await bench.codesOf(file, { policy: "notarizable" })).toEqual([]);
  await expect(bench.sign(tinyMachO(), options)).rejects.toMatchObject({ code: "KEY_TEAM_MISSING" });
  await expect(bench.sign(tinyMachO(), { ...options, teamId: "OTHERTEAM1" })).rejects.toMatchObject({
    code: "KEY_TEAM",
  });
  const other = fakeSigner("cloud key", development.key, development.chain, true);
  await expect(bench.sign(tinyMachO(), { ...options, signer: other, teamId: TEAM_ID })).rejects.toMatchObject({
    code: "KEY_CERTIFICATE",
  });
});

test("a certificate that is no Developer ID signs, and names its leaf in the requirement", async () => {
  const bench = await signingBench();
  const file = await signedBytes(bench, tinyMachO(), { ...bench.developerId, signer: authority.development.signer });
  expect(await bench.codesOf(file)).toEqual([]);
  expect(await bench.codesOf(file, { policy: "notarizable" })).toEqual(["NOTARY_CERTIFICATE"]);
});

test("a timestamp server that is down fails the signature, and nothing is written", async () => {
  const bench = await signingBench();
  const output = join(bench.folder, "signed");
  await expect(
    bench.sign(tinyMachO(), {
      ...bench.developerId,
      fetch: Object.assign(() => Promise.resolve(new Response("no", { status: 403 })), { preconnect: () => undefined }),
    }),
  ).rejects.toMatchObject({ code: expect.stringMatching(/^TIMESTAMP_/) });
  expect(readdirSync(bench.folder)).toEqual(["input"]);
  expect(() => statSync(output)).toThrow();
});

test.each([
  [
    "data after __LINKEDIT",
    tinyMachO({ trailing: Buffer.alloc(8, 1) }),
    "MACHO_TRAILING_DATA",
    /8 bytes follow __LINKEDIT/,
  ],
  [
    "no room for a load command",
    tinyMachO({ roomBytes: CODE_SIGNATURE_BYTES - 8 }),
    "MACHO_NO_ROOM",
    /8 bytes are free/,
  ],
  ["an object file", tinyMachO({ fileType: 1 }), "MACHO_UNSUPPORTED", /file type is 1/],
  ["a script", Buffer.from("#!/bin/sh\nexit 0\n# and some more\n"), "MACHO_MALFORMED", /magic/],
  ["an empty file", Buffer.alloc(0), "MACHO_MALFORMED", /outside/],
  [
    "data after the last slice",
    Buffer.concat([tinyFat(tinyMachO()), Buffer.alloc(3)]),
    "MACHO_TRAILING_DATA",
    /3 bytes/,
  ],
])("%s is refused with the file's name, and nothing is written", async (_, bytes, code, message) => {
  const bench = await signingBench();
  await expect(bench.sign(bytes)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  await expect(bench.sign(bytes)).rejects.toThrow(/^input: /);
  expect(readdirSync(bench.folder)).toEqual(["input"]);
});

test("room that is in use is no room", async () => {
  const file = tinyMachO();
  file[(await readMachO(rangeOfBytes(file))).commandsEnd + 3] = 1;
  const bench = await signingBench();
  await expect(bench.sign(file)).rejects.toMatchObject({ code: "MACHO_NO_ROOM" });
});

test("just enough room suffices", async () => {
  const bench = await signingBench();
  expect(await bench.codesOf(await signedBytes(bench, tinyMachO({ roomBytes: CODE_SIGNATURE_BYTES })))).toEqual([]);
});

test("a file may be signed in its own place", async () => {
  const folder = await scratchFolder();
  const path = join(folder, "tool");
  writeFileSync(path, tinyMachO());
  await signMachO({ input: path, output: path, identifier: "tool" });
  expect(await verifyMachO({ path, trustedRoots })).toEqual([]);
});

test("an identifier that tools would misread is refused before anything is read", async () => {
  const folder = await scratchFolder();
  mkdirSync(join(folder, "in"));
  const options = { input: join(folder, "none"), output: join(folder, "out") };
  for (const identifier of ["", "a b", 'x" or anchor apple', "ä"]) {
    await expect(signMachO({ ...options, identifier })).rejects.toMatchObject({ code: "CODESIGN_IDENTIFIER" });
  }
});

test("a stopped signing leaves nothing", async () => {
  const bench = await signingBench();
  const input = tinyMachO({ textBytes: 3 << 20 });
  await expect(bench.sign(input, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  expect(readdirSync(bench.folder)).toEqual(["input"]);
  expect(readFileSync(join(bench.folder, "input")).equals(input)).toBe(true);
});
