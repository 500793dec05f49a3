/**
 * Checks the signature of a Mach-O file, thin or universal, by parsing alone:
 * nothing is shared with the code that writes signatures but the parsers.
 * Every problem is listed, not the first.
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { type ByteRange, subRange, withFileRange } from "./byte-range.ts";
import { CODE_FLAG, type CodeDirectory, EXEC_SEGMENT_MAIN_BINARY } from "./code-directory.ts";
import { codeHashOf, directoryHash } from "./code-hash.ts";
import { codeProblem } from "./code-problem.ts";
import { type DecodedSignature, readSignature } from "./decode-signature.ts";
import { type Entitlements, parseEntitlementsDer, parseEntitlementsXml, sameEntitlements } from "./entitlements.ts";
import { readFat } from "./fat.ts";
import { embeddedInfoPlist } from "./info-plist-section.ts";
import { type MachO, MH_EXECUTE, readMachO } from "./mach-o.ts";
import { policyProblems } from "./notarization-policy.ts";
import { DESIGNATED_TYPE } from "./requirement.ts";
import { meetsRequirement } from "./requirement-match.ts";
import { parseRequirements, type Requirement } from "./requirement-parse.ts";
import { renderCdHashRequirement, renderRequirement } from "./requirement-text.ts";
import { blobContent, magicOfSlot, SLOT, superBlobBytes } from "./super-blob.ts";
import { type CmsFindings, verifyAppleCms } from "./verify-cms.ts";
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
  problems.push(...placeProblems(machO, signature.directory));
  const expectedBytes = superBlobBytes(signature.blobs.map(({ bytes }) => bytes.length));
  if (signature.length !== expectedBytes) {
    report("CODESIGN_LENGTH", `The signature says it has ${signature.length} bytes, its parts have ${expectedBytes}.`);
  }
  for (const { slot, magic } of signature.blobs) {
    const expected = magicOfSlot(slot);
    if (magic === expected) continue;
    const what = expected === undefined ? "no signature of code has such a blob" : `its magic is ${magic.toString(16)}`;
    report("CODESIGN_BLOB", `The blob in slot 0x${slot.toString(16)} is wrong: ${what}.`);
  }
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

function placeProblems(machO: MachO, { codeLimit }: CodeDirectory): readonly Problem[] {
  const problems: Problem[] = [];
  const { signature, linkEdit, size } = machO;
  if (signature === undefined) return problems;
  const end = signature.offset + signature.size;
  const linkEditEnd = linkEdit.fileOffset + linkEdit.fileSize;
  if (codeLimit !== signature.offset) {
    problems.push(
      codeProblem("CODESIGN_CODE_LIMIT", `The signature covers ${codeLimit} bytes, and lies at ${signature.offset}.`),
    );
  }
  if (linkEditEnd !== size) {
    problems.push(codeProblem("MACHO_TRAILING_DATA", `${size - linkEditEnd} bytes follow __LINKEDIT.`));
  }
  // A linker's signature need not end where __LINKEDIT does, to the alignment.
  if (end > linkEditEnd || linkEditEnd - end >= 16 || signature.offset < linkEdit.fileOffset) {
    problems.push(codeProblem("CODESIGN_PLACE", "The signature is not the last thing in __LINKEDIT."));
  }
  if (machO.linkEditDataEnd > signature.offset) {
    problems.push(codeProblem("CODESIGN_PLACE", "A table of __LINKEDIT lies in or behind the signature."));
  }
  return problems;
}

function directoryProblems(machO: MachO, directory: CodeDirectory, signature: DecodedSignature): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (code: string, message: string): void => void problems.push(codeProblem(code, message));
  const main = signature.directory;
  if (directory.identifier === "") report("CODESIGN_IDENTIFIER", "It has no identifier.");
  const facts = (one: CodeDirectory): string => JSON.stringify([one.identifier, one.teamId, one.flags, one.codeLimit]);
  if (facts(directory) !== facts(main)) report("CODESIGN_DIRECTORIES", "Its CodeDirectories say different things.");
  const isAdHoc = (directory.flags & CODE_FLAG.adhoc) !== 0;
  const hasCms = (signature.cms?.length ?? 0) > 0;
  if (isAdHoc === hasCms) {
    report(
      "CODESIGN_FLAGS",
      isAdHoc ? "It says ad hoc, yet has a CMS message." : "It has no CMS message, and is not ad hoc.",
    );
  }
  if ((directory.flags & CODE_FLAG.runtime) !== 0 && !directory.runtimeVersion) {
    report("CODESIGN_RUNTIME", "It asks for the hardened runtime without saying of which version.");
  }
  const { execSegment } = directory;
  if (execSegment === undefined) return problems;
  const { fileOffset, fileSize } = machO.text;
  if (execSegment.base !== fileOffset || execSegment.limit !== fileSize) {
    report(
      "CODESIGN_EXEC_SEGMENT",
      `It says that code lies from ${execSegment.base} for ${execSegment.limit} bytes; __TEXT lies from ${fileOffset} for ${fileSize}.`,
    );
  }
  if (
    (execSegment.flags & EXEC_SEGMENT_MAIN_BINARY) !==
    (machO.fileType === MH_EXECUTE ? EXEC_SEGMENT_MAIN_BINARY : 0)
  ) {
    report("CODESIGN_EXEC_SEGMENT", "It takes a library for a program, or a program for a library.");
  }
  return problems;
}

interface SealedContents {
  readonly infoPlist: Uint8Array | undefined;
  readonly codeResources: Uint8Array | undefined;
}

/** What each special slot hashes; undefined where there is nothing of its kind. */
function slotContent(slot: number, signature: DecodedSignature, contents: SealedContents): Uint8Array | undefined {
  if (slot === SLOT.infoPlist) return contents.infoPlist;
  if (slot === SLOT.codeResources) return contents.codeResources;
  return signature.blobs.find((blob) => blob.slot === slot)?.bytes;
}

const SLOT_NAMES: Readonly<Record<number, string>> = {
  [SLOT.infoPlist]: "Info.plist",
  [SLOT.requirements]: "requirements",
  [SLOT.codeResources]: "CodeResources",
  [SLOT.entitlements]: "entitlements",
  [SLOT.entitlementsDer]: "entitlements in DER",
};
const LAST_SPECIAL_SLOT = 15;

function slotProblems(
  directory: CodeDirectory,
  signature: DecodedSignature,
  contents: SealedContents,
): readonly Problem[] {
  const algorithm = codeHashOf(directory);
  if (algorithm === undefined) return [];
  const problems: Problem[] = [];
  for (let slot = 1; slot <= Math.max(LAST_SPECIAL_SLOT, Math.min(directory.specialSlots, 64)); slot += 1) {
    const name = SLOT_NAMES[slot] ?? `special slot ${slot}`;
    const stored = directory.specialHash(slot);
    const isSealed = stored?.some((byte) => byte !== 0) ?? false;
    const content = slotContent(slot, signature, contents);
    if (content === undefined && isSealed) {
      const isOfBundle = slot === SLOT.infoPlist || slot === SLOT.codeResources;
      problems.push(
        isOfBundle
          ? {
              code: "CODESIGN_BUNDLE",
              message: `It seals the ${name} of the bundle that it belongs to, which is not there.`,
              remedy: "verify the whole app: erth verify <name>.app",
            }
          : codeProblem("CODESIGN_SLOT", `It seals ${name}, which is not there.`),
      );
    } else if (content !== undefined && !isSealed) {
      problems.push(codeProblem("CODESIGN_SLOT", `Its ${name} is not sealed.`));
    } else if (content !== undefined && stored !== undefined) {
      const actual = createHash(algorithm.name).update(content).digest().subarray(0, algorithm.bytes);
      if (Buffer.compare(actual, stored) === 0) continue;
      problems.push(codeProblem("CODESIGN_SLOT", `Its ${name} differs from the hash that seals it.`));
    }
  }
  return problems;
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
