import * as fc from "fast-check";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rangeOfBytes } from "../../../../build/formats/byte-range.ts";
import { decodeSignature } from "../../../../signing/apple/decode-signature.ts";
import { GET_TASK_ALLOW, JIT_ENTITLEMENTS } from "../../../../signing/apple/entitlements.ts";
import { readMachO } from "../../../../signing/apple/mach-o.ts";
import { verifyMachO } from "../../../../signing/apple/verify-mach-o.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { authority, signedBytes, signingBench } from "./signing.ts";
import { tinyFat, tinyMachO } from "./tiny-mach-o.ts";

async function placesOf(file: Buffer) {
  const machO = await readMachO(rangeOfBytes(file));
  const place = machO.signature;
  if (place === undefined) throw new Error("no signature");
  const signature = decodeSignature(file.subarray(place.offset, place.offset + place.size));
  const offsetOf = (bytes: Uint8Array): number => bytes.byteOffset - file.byteOffset;
  const slot = (number: number): number => offsetOf(signature.blobs.find((blob) => blob.slot === number)!.bytes);
  const used = place.offset + file.readUInt32BE(place.offset + 4);
  return { machO, place, signature, slot, used, directory: offsetOf(signature.directory.bytes) };
}

type Places = Awaited<ReturnType<typeof placesOf>>;

test.each<readonly [string, (places: Places) => number, string]>([
  ["the header", () => 24, "CODESIGN_PAGE_HASH"],
  ["a page of code", () => 5000, "CODESIGN_PAGE_HASH"],
  ["the last page, which is short", ({ place }) => place.offset - 20, "CODESIGN_PAGE_HASH"],
  ["the zeros before the signature", ({ place }) => place.offset - 1, "CODESIGN_PAGE_HASH"],
  ["the signature's magic", ({ place }) => place.offset, "CODESIGN_MALFORMED"],
  ["the signature's index", ({ place }) => place.offset + 16, "CODESIGN_MALFORMED"],
  ["the flags", ({ directory }) => directory + 12, "CMS_DIGEST"],
  ["the identifier", ({ directory }) => directory + 96, "CODESIGN_REQUIREMENT"],
  [
    "the team",
    ({ directory, signature }) => directory + 96 + signature.directory.identifier.length + 1,
    "CODESIGN_TEAM",
  ],
  [
    "the hash of a page",
    ({ signature, directory }) => directory + signature.directory.bytes.length - 1,
    "CODESIGN_PAGE_HASH",
  ],
  ["the executable segment", ({ directory }) => directory + 79, "CODESIGN_EXEC_SEGMENT"],
  ["the runtime version", ({ directory }) => directory + 91, "CMS_DIGEST"],
  [
    "the requirement's team",
    ({ slot, signature }) => slot(2) + (signature.requirements?.length ?? 0) - 3,
    "CODESIGN_REQUIREMENT",
  ],
  ["the entitlements in XML", ({ slot }) => slot(5) + 250, "CODESIGN_SLOT"],
  ["the entitlements in DER", ({ slot }) => slot(7) + 30, "CODESIGN_SLOT"],
])("one changed byte in %s is reported", async (_, at, code) => {
  const bench = await signingBench();
  const file = await signedBytes(bench, tinyMachO({ textBytes: 16384 }), {
    ...bench.developerId,
    entitlements: JIT_ENTITLEMENTS,
  });
  expect(await bench.codesOf(file)).toEqual([]);
  file[at(await placesOf(file))]! ^= 0x01;
  expect(await bench.codesOf(file)).toContain(code);
});

test("a changed byte anywhere before the CMS message is reported", async () => {
  const bench = await signingBench();
  const entitlements = { "com.example.x": "y" };
  const file = await signedBytes(bench, tinyMachO({ textBytes: 600 }), { ...bench.developerId, entitlements });
  const { slot } = await placesOf(file);
  const end = slot(0x10000) + 8;
  const unreported: number[] = [];
  // Three apart, each time with another bit: structures are four bytes wide, so each field is met.
  for (let at = 0; at < end; at += 3) {
    file[at]! ^= 1 << (at % 8);
    if ((await bench.codesOf(file)).length === 0) unreported.push(at);
    file[at]! ^= 1 << (at % 8);
  }
  expect(unreported).toEqual([]);
});

test("every change to the CMS message is reported: attributes, signature, certificates, timestamp", async () => {
  const bench = await signingBench();
  const file = await signedBytes(bench, tinyMachO({ textBytes: 600 }), bench.developerId);
  const { slot, signature } = await placesOf(file);
  const start = slot(0x10000);
  const unreported: number[] = [];
  for (let at = 0; at < 8 + (signature.cms?.length ?? 0); at += 23) {
    file[start + at]! ^= 0x04;
    if ((await bench.codesOf(file)).length === 0) unreported.push(at);
    file[start + at]! ^= 0x04;
  }
  // The authority's root names itself as its issuer. With another name there it is as good as an intermediate
  // whose root was left out, which authorities may do; the chain below it holds all the same.
  const root = authorityRootIssuer(file.subarray(start, start + 8 + (signature.cms?.length ?? 0)));
  expect(unreported.filter((at) => at < root.start || at >= root.end)).toEqual([]);
});

/** Where the issuer's name lies in the certificate of the timestamp authority's root: after its serial and algorithm. */
function authorityRootIssuer(cms: Buffer): { readonly start: number; readonly end: number } {
  const name = Buffer.from("Erth Test Time Root");
  const end = cms.indexOf(name, cms.indexOf(name) + 1);
  return { start: cms.indexOf(name) - 64, end };
}

test("data appended to a signed file is reported, to a slice too", async () => {
  const bench = await signingBench();
  const thin = await signedBytes(bench, tinyMachO());
  expect(await bench.codesOf(Buffer.concat([thin, Buffer.alloc(64)]))).toEqual(["MACHO_TRAILING_DATA"]);
  const fat = await signedBytes(bench, tinyFat(tinyMachO()));
  expect(await bench.codesOf(fat)).toEqual([]);
  const longer = Buffer.concat([fat, Buffer.alloc(64)]);
  expect(await bench.codesOf(longer)).toEqual(["MACHO_TRAILING_DATA"]);
  longer.writeUInt32BE(longer.readUInt32BE(8 + 12) + 64, 8 + 12);
  expect(await bench.codesOf(longer)).toEqual(["MACHO_TRAILING_DATA"]);
});

test("a signature of other code, of nobody and by nobody known is reported", async () => {
  const bench = await signingBench();
  const [one, other] = await Promise.all([
    signedBytes(bench, tinyMachO(), bench.developerId),
    signedBytes(await signingBench(), tinyMachO({ textBytes: 12_000 }), bench.developerId),
  ]);
  const [a, b] = [await placesOf(one), await placesOf(other)];
  // Both messages have the same length: only what they sign differs.
  other.subarray(b.slot(0x10000), b.used).copy(one, a.slot(0x10000));
  expect(await bench.codesOf(one)).toEqual(expect.arrayContaining(["CMS_DIGEST", "CMS_CDHASHES"]));

  const file = await signedBytes(bench, tinyMachO(), bench.developerId);
  const codes = await bench.codesOf(file, { trustedRoots: [] });
  expect(codes).toEqual(expect.arrayContaining(["CMS_UNTRUSTED", "CODESIGN_REQUIREMENT"]));
  expect(await bench.codesOf(tinyMachO())).toEqual(["CODESIGN_MISSING"]);
});

test("an expired certificate holds if the timestamp is of its time, and not otherwise", async () => {
  const bench = await signingBench();
  const { expired } = authority;
  const file = await signedBytes(bench, tinyMachO(), { ...bench.developerId, signer: expired.signer });
  expect(await bench.codesOf(file)).toEqual(["CMS_EXPIRED"]);
  const options = { signer: expired.signer, timestampUrl: "none", signingTime: new Date("2020-06-01T00:00:00Z") };
  expect(await bench.codesOf(await signedBytes(bench, tinyMachO(), options))).toEqual([]);
});

test("what a notary refuses, or accepts and lets die, is told apart from what is broken", async () => {
  const bench = await signingBench();
  const policy = "notarizable";
  const bun = tinyMachO({ segments: ["__BUN"] });
  const check = async (options: Parameters<typeof signedBytes>[2]) =>
    bench.codesOf(await signedBytes(bench, bun, { ...bench.developerId, entitlements: JIT_ENTITLEMENTS, ...options }), {
      policy,
    });
  expect(await check({})).toEqual([]);
  expect(await check({ entitlements: undefined })).toEqual(["NOTARY_JIT"]);
  expect(await check({ timestampUrl: "none" })).toEqual(["NOTARY_TIMESTAMP"]);
  expect(await check({ hardenedRuntime: false })).toEqual(["NOTARY_RUNTIME"]);
  expect(await check({ entitlements: { ...JIT_ENTITLEMENTS, [GET_TASK_ALLOW]: true } })).toEqual(["NOTARY_DEBUGGABLE"]);
  expect(await check({ signer: undefined })).toEqual(["NOTARY_CERTIFICATE", "NOTARY_RUNTIME"]);
});

test("a bundle's main executable cannot be judged alone, and is judged with its Info.plist and seal", async () => {
  const bench = await signingBench();
  const [infoPlist, codeResources] = [Buffer.from("info"), Buffer.from("seal")];
  const file = await signedBytes(bench, tinyMachO(), { infoPlist, codeResources });
  expect(await bench.codesOf(file, { infoPlist, codeResources })).toEqual([]);
  expect(await bench.codesOf(file)).toEqual(["CODESIGN_BUNDLE"]);
  expect(await bench.codesOf(file, { infoPlist: Buffer.from("inf0"), codeResources })).toEqual(["CODESIGN_SLOT"]);
  const bare = await signedBytes(bench, tinyMachO());
  expect(await bench.codesOf(bare, { codeResources })).toEqual(["CODESIGN_SLOT"]);
});

test("2,000 damaged files: each gets an answer, none a crash", { timeout: 60_000 }, async () => {
  const bench = await signingBench();
  const entitlements = { "com.example.list": ["a", 1, true], "com.example.map": { k: "v" } };
  const sources = [
    await signedBytes(bench, tinyMachO({ textBytes: 600 }), { ...bench.developerId, entitlements }),
    await signedBytes(
      bench,
      tinyFat(tinyMachO({ textBytes: 600 }), tinyMachO({ architecture: "x86_64", textBytes: 600 })),
    ),
  ];
  const path = join(await scratchFolder(), "damaged");
  const place = fc.nat(1_000_000);
  const damage = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), at: place, value: fc.nat(255) }),
    fc.record({
      kind: fc.constant("word" as const),
      at: place,
      value: fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff),
    }),
    fc.record({ kind: fc.constant("cut" as const), at: place, value: fc.constant(0) }),
    fc.record({ kind: fc.constant("copy" as const), at: place, value: place }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...sources),
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      async (source, changes) => {
        let file = Buffer.from(source);
        for (const { kind, at, value } of changes) {
          if (file.length < 64) break;
          // Half of the damage goes where the structures are.
          const spot = at % (at % 2 === 0 ? Math.min(file.length - 4, 1000) : file.length - 4);
          if (kind === "set") file[spot] = value;
          else if (kind === "word") file.writeUInt32BE(value, spot);
          else if (kind === "copy") file.copy(file, spot, value % file.length, (value % file.length) + 64);
          else file = file.subarray(0, spot);
        }
        writeFileSync(path, file);
        expect(Array.isArray(await verifyMachO({ path }))).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
  expect(readFileSync(path).length).toBeGreaterThan(0);
});
