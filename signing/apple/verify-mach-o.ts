/**
 * Checks the signature of a Mach-O file, thin or universal, by parsing alone:
 * nothing is shared with the code that writes signatures but the parsers.
 * Every problem is listed, not the first.
 */
import { basename } from "node:path";
import type { Problem } from "../../runtime/base/errors.ts";
import type { AppleTrust } from "./apple-roots.ts";
import { type ByteRange, subRange, withFileRange } from "../../build/formats/byte-range.ts";
import { codeProblem, collecting } from "./code-problem.ts";
import { type DecodedSignature, readSignature } from "./decode-signature.ts";
import { type Entitlements, parseEntitlementsDer, parseEntitlementsXml, sameEntitlements } from "./entitlements.ts";
import { readFat } from "./fat.ts";
import { embeddedInfoPlist } from "./info-plist-section.ts";
import { type MachO, readMachO } from "./mach-o.ts";
import { policyProblems } from "./notarization-policy.ts";
import { blobContent } from "./super-blob.ts";
import {
  blobProblems,
  directoryProblems,
  execSegmentProblems,
  placeProblems,
  type SealedContents,
  slotProblems,
} from "./verify-directory.ts";
import { verifyPages } from "./verify-pages.ts";
import { type SignerFindings, verifySignerOf } from "./verify-signature.ts";

export interface VerifyCodeOptions extends AppleTrust {
  /** "notarizable" also asks for what Apple's notary asks for; "any" (default) takes ad-hoc signatures. */
  readonly policy?: "any" | "notarizable" | undefined;
}

export interface VerifyMachOOptions extends VerifyCodeOptions {
  readonly path: string;
  /** What a bundle's main executable seals; without them such a program is reported as not verifiable alone. */
  readonly infoPlist?: Uint8Array | undefined;
  readonly codeResources?: Uint8Array | undefined;
}

/** What was found of one slice. */
export interface VerifiedSlice extends SignerFindings {
  readonly architecture: string;
  readonly machO: MachO;
  /** Undefined where there is none, or it cannot be read. */
  readonly signature: DecodedSignature | undefined;
  readonly entitlements: Entitlements | undefined;
}

export interface VerifiedMachO {
  readonly problems: readonly Problem[];
  readonly slices: readonly VerifiedSlice[];
}

/** Every problem of the file's signature; none says that it holds. */
export async function verifyMachO(options: VerifyMachOOptions): Promise<readonly Problem[]> {
  return (await inspectMachO(options)).problems;
}

/** Like `verifyMachO`, with what was found. Throws only where the file cannot be read. */
export async function inspectMachO(options: VerifyMachOOptions): Promise<VerifiedMachO> {
  const problems: Problem[] = [];
  const slices: VerifiedSlice[] = [];
  await withFileRange(options.path, (range) =>
    collecting(problems, async () => {
      const fat = await readFat(range);
      const end = Math.max(0, ...(fat ?? []).map(({ offset, size }) => offset + size));
      if (fat !== undefined && end < range.size) {
        problems.push(codeProblem("MACHO_TRAILING_DATA", `${range.size - end} bytes follow the last slice.`));
      }
      const parts = fat?.map(({ offset, size }) => subRange(range, offset, size)) ?? [range];
      for (const part of parts) {
        const own: Problem[] = [];
        const slice = await collecting(own, () => verifySlice(part, options, own));
        if (slice !== undefined) slices.push(slice);
        const prefix = fat === undefined ? "" : `${slice?.architecture ?? "a slice"}: `;
        problems.push(...own.map((problem) => ({ ...problem, message: `${prefix}${problem.message}` })));
      }
    }),
  );
  const file = basename(options.path);
  return {
    problems: problems.map((problem) => ({ ...problem, message: `${file}: ${problem.message}` })),
    slices,
  };
}

async function verifySlice(slice: ByteRange, options: VerifyMachOOptions, problems: Problem[]): Promise<VerifiedSlice> {
  const report = (code: string, message: string): void => void problems.push(codeProblem(code, message));
  const machO = await readMachO(slice);
  const bare = {
    architecture: machO.architecture,
    machO,
    cdHashes: [],
    designated: undefined,
    entitlements: undefined,
  };
  const signature = await collecting(problems, () => readSignature(slice, machO));
  if (signature === undefined) {
    if (machO.signature === undefined) report("CODESIGN_MISSING", "It has no code signature.");
    return { ...bare, signature: undefined, cms: undefined };
  }
  // 1. The file around the signature.
  problems.push(...placeProblems(machO, signature.directory), ...blobProblems(signature));
  // 2. Each directory: pages, special slots, facts that must be those of the file and of the others.
  const infoPlist = options.infoPlist ?? (await collecting(problems, () => embeddedInfoPlist(machO, slice)));
  const contents: SealedContents = { infoPlist, codeResources: options.codeResources };
  for (const directory of signature.directories) {
    problems.push(...directoryProblems(directory, signature), ...execSegmentProblems(machO, directory));
    problems.push(...(await verifyPages(slice, directory)));
    problems.push(...slotProblems(directory, signature, contents));
  }
  // 3. Entitlements, twice the same.
  const entitlements = await collecting(problems, () => entitlementsOf(signature, problems));
  // 4. Who signed, and the designated requirement, which the code itself must meet.
  const signer = verifySignerOf(signature, options, problems);
  const verified = { architecture: machO.architecture, machO, signature, entitlements, ...signer };
  if (options.policy === "notarizable") problems.push(...policyProblems(verified));
  return verified;
}

function entitlementsOf(signature: DecodedSignature, problems: Problem[]): Entitlements | undefined {
  const { entitlementsXml: xml, entitlementsDer: der } = signature;
  const fromXml = xml && parseEntitlementsXml(blobContent(xml));
  const fromDer = der && parseEntitlementsDer(blobContent(der));
  if (fromXml !== undefined && fromDer !== undefined && !sameEntitlements(fromXml, fromDer)) {
    problems.push(codeProblem("CODESIGN_ENTITLEMENTS", "Its entitlements in XML and in DER differ."));
  } else if ((fromXml === undefined) !== (fromDer === undefined)) {
    const missing = fromXml === undefined ? "XML" : "DER";
    problems.push(codeProblem("CODESIGN_ENTITLEMENTS", `Its entitlements are missing in ${missing}.`));
  }
  return fromDer ?? fromXml;
}
