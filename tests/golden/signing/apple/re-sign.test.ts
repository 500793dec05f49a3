/**
 * The makers' own signatures as goldens: taken off and written again by our
 * code, with the original CMS message put back, every byte must be as Apple's
 * `codesign` wrote it.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type ByteRange, withFileRange } from "../../../../build/formats/byte-range.ts";
import { readSignature } from "../../../../signing/apple/decode-signature.ts";
import { embedSignatures, type SignaturePlan } from "../../../../signing/apple/embed-signature.ts";
import { encodeEntitlementsDer, parseEntitlementsXml } from "../../../../signing/apple/entitlements.ts";
import { readMachO } from "../../../../signing/apple/mach-o.ts";
import { encodeDeveloperIdRequirements } from "../../../../signing/apple/requirement.ts";
import { blobContent, encodeBlob, ENTITLEMENTS_DER_MAGIC, SLOT } from "../../../../signing/apple/super-blob.ts";
import { inspectMachO } from "../../../../signing/apple/verify-mach-o.ts";
import { signMachO } from "../../../../signing/apple/sign-mach-o.ts";
import { hash } from "node:crypto";
import { scratchFolder } from "../../../support/scratch.ts";
import { VENDOR_PROGRAMS, vendorFolder, vendorProgram } from "./vendor.ts";

/** What the maker's signature says, with every blob that we can make made anew. */
async function originalPlan(range: ByteRange): Promise<SignaturePlan> {
  const signature = await readSignature(range, await readMachO(range));
  const { directory, cms, entitlementsXml } = signature ?? {};
  const { execSegment, identifier, teamId } = directory ?? {};
  if (!directory || !cms || !entitlementsXml || !execSegment || !identifier || !teamId) throw new Error("not signed");
  const entitlements = parseEntitlementsXml(blobContent(entitlementsXml));
  const blobs = [
    { slot: SLOT.requirements, bytes: encodeDeveloperIdRequirements(identifier, teamId) },
    // The XML is the maker's own file, comments and all; only its DER is derived.
    { slot: SLOT.entitlements, bytes: entitlementsXml },
    { slot: SLOT.entitlementsDer, bytes: encodeBlob(ENTITLEMENTS_DER_MAGIC, encodeEntitlementsDer(entitlements)) },
  ];
  return {
    directory: {
      flags: directory.flags,
      identifier,
      teamId,
      pageSizeLog2: directory.pageSizeLog2,
      execSegmentBase: execSegment.base,
      execSegmentLimit: execSegment.limit,
      execSegmentFlags: execSegment.flags,
      runtimeVersion: directory.runtimeVersion,
      specialHashes: new Map(blobs.map(({ slot, bytes }) => [slot, hash("sha256", bytes, "buffer")])),
    },
    blobs,
    cms: () => Promise.resolve(cms),
  };
}

/** The first byte at which two files differ, or undefined. */
async function firstDifference(a: ByteRange, b: ByteRange): Promise<number | undefined> {
  if (a.size !== b.size) return Math.min(a.size, b.size);
  const PIECE = 4 << 20;
  for (let at = 0; at < a.size; at += PIECE) {
    const length = Math.min(PIECE, a.size - at);
    const [one, two] = [await a.read(at, length), await b.read(at, length)];
    if (Buffer.compare(one, two) !== 0) return at + one.findIndex((byte, index) => byte !== two[index]);
  }
  return undefined;
}

test.each(VENDOR_PROGRAMS)(
  "%s holds: pages, slots, CMS, chain to Apple's root, timestamp",
  { timeout: 120_000 },
  async (name) => {
    const { problems, slices } = await inspectMachO({ path: await vendorProgram(name), policy: "notarizable" });
    // Node publishes its program debuggable, which a notary refuses; everything else of it must hold.
    const allowed = name.startsWith("node/") ? ["NOTARY_DEBUGGABLE"] : [];
    expect(problems.map(({ code }) => code)).toEqual(allowed);
    expect(slices[0]?.cms?.isTrusted).toBe(true);
    expect(slices[0]?.cms?.timestamp).toBeInstanceOf(Date);
  },
);

test.each(VENDOR_PROGRAMS)(
  "%s is byte for byte the same after its signature was taken off and written again",
  { timeout: 120_000 },
  async (name) => {
    const path = join(await scratchFolder(), "again");
    await withFileRange(await vendorProgram(name), async (original) => {
      const plan = await originalPlan(original);
      const output = await open(path, "w");
      try {
        await embedSignatures(original, output, () => Promise.resolve(plan));
      } finally {
        await output.close();
      }
      expect(await withFileRange(path, (again) => firstDifference(original, again))).toBeUndefined();
    });
  },
);

test.each([
  ["native/libsql/darwin-arm64", "index.node", "a linker's signature"],
  ["native/libsql/darwin-x64", "index.node", "no signature"],
  ["webview", "build/libwebview.dylib", "a slice with and a slice without one"],
])("%s (%s: %s) is signed ad hoc and holds", { timeout: 120_000 }, async (name, file) => {
  const output = join(await scratchFolder(), "signed");
  await signMachO({ input: join(await vendorFolder(name), file), output, identifier: "dev.erth.vendor" });
  expect((await inspectMachO({ path: output })).problems).toEqual([]);
});
