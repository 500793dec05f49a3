/**
 * Checks the signature of a Mach-O file, thin or universal, by parsing alone:
 * nothing is shared with the code that writes signatures but the parsers.
 * Every problem is listed, not the first.
 */
import { basename } from "node:path";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { type ByteRange, subRange, withFileRange } from "../../build/formats/byte-range.ts";
import { directoryHash } from "./code-hash.ts";
import { codeProblem } from "./code-problem.ts";
import { type DecodedSignature, readSignature } from "./decode-signature.ts";
import { type Entitlements, parseEntitlementsDer, parseEntitlementsXml, sameEntitlements } from "./entitlements.ts";
import { readFat } from "./fat.ts";
import { embeddedInfoPlist } from "./info-plist-section.ts";
import { type MachO, readMachO } from "./mach-o.ts";
import { policyProblems } from "./notarization-policy.ts";
import { DESIGNATED_TYPE } from "./requirement.ts";
import { meetsRequirement } from "./requirement-match.ts";
import { parseRequirements, type Requirement } from "./requirement-parse.ts";
import { renderCdHashRequirement, renderRequirement } from "./requirement-text.ts";
import { blobContent } from "./super-blob.ts";
import { type CmsFindings, verifyAppleCms } from "./verify-cms.ts";
import {
  blobProblems,
  directoryProblems,
  placeProblems,
  type SealedContents,
  slotProblems,
} from "./verify-directory.ts";
import { verifyPages } from "./verify-pages.ts";

export interface VerifyCodeOptions {
  /** "notarizable" also asks for what Apple's notary asks for; "any" (default) takes ad-hoc signatures. */
  readonly policy?: "any" | "notarizable" | undefined;
  /** SHA-256 (hex) of roots that count as Apple's, besides Apple's own: for an authority of one's own. */
  readonly trustedRoots?: readonly string[] | undefined;
}

export interface VerifyMachOOptions extends VerifyCodeOptions {
  readonly path: string;
  /** What a bundle's main executable seals; without them such a program is reported as not verifiable alone. */
  readonly infoPlist?: Uint8Array | undefined;
  readonly codeResources?: Uint8Array | undefined;
}

/** What was found of one slice. */
export interface VerifiedSlice {
  readonly architecture: string;
  readonly machO: MachO;
  /** Undefined where there is none, or it cannot be read. */
  readonly signature: DecodedSignature | undefined;
  /** Hex, of every directory. */
  readonly cdHashes: readonly string[];
  readonly cms: CmsFindings | undefined;
  readonly designated: Requirement | undefined;
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

/** The requirement text that a bundle around this code must seal. */
export function designatedText(slices: readonly VerifiedSlice[]): string {
  const designated = slices[0]?.designated;
  if (designated !== undefined) return renderRequirement(designated);
  return renderCdHashRequirement(slices.flatMap(({ cdHashes }) => cdHashes));
}

/** Turns the faults of untrusted bytes into problems; bugs go on as errors. */
async function collecting<Result>(
  problems: Problem[],
  task: () => Promise<Result> | Result,
): Promise<Result | undefined> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems.push({ code: error.code, message: error.message, remedy: error.remedy });
    return undefined;
  }
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
    problems.push(...directoryProblems(machO, directory, signature));
    problems.push(...(await verifyPages(slice, directory)));
    problems.push(...slotProblems(directory, signature, contents));
  }
  // 3. Entitlements, twice the same.
  const entitlements = await collecting(problems, () => entitlementsOf(signature, problems));
  // 4. Who signed.
  const cdHashes = signature.directories.map((directory) => directoryHash(directory).hex.slice(0, 40));
  const cms = cmsFindings(signature, options, problems);
  // 5. The designated requirement, which the code itself must meet.
  const designated = await collecting(problems, () =>
    signature.requirements === undefined ? undefined : parseRequirements(signature.requirements).get(DESIGNATED_TYPE),
  );
  const subject = {
    identifier: signature.directory.identifier,
    cdHashes,
    chain: cms?.chain ?? [],
    isAppleAnchored: cms?.isTrusted ?? false,
  };
  if (designated !== undefined && meetsRequirement(designated, subject) === false) {
    report(
      "CODESIGN_REQUIREMENT",
      `It does not meet its own designated requirement: ${renderRequirement(designated)}.`,
    );
  }
  const verified = { architecture: machO.architecture, machO, signature, cdHashes, cms, designated, entitlements };
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

function cmsFindings(
  { cms, directories }: DecodedSignature,
  { trustedRoots = [] }: VerifyMachOOptions,
  problems: Problem[],
): CmsFindings | undefined {
  if (cms === undefined || cms.length === 0) return undefined;
  const findings = verifyAppleCms({ message: cms, directories, trustedRoots });
  problems.push(...findings.problems);
  if (findings.chain.length > 0 && !findings.isTrusted) {
    problems.push(codeProblem("CMS_UNTRUSTED", "The certificate chain does not end in a root of Apple's."));
  }
  return findings;
}
