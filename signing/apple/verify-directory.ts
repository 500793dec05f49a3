/** Checks what a CodeDirectory says against the file and the other directories, and what its special slots seal. */
import { createHash } from "node:crypto";
import type { Problem } from "../../runtime/base/errors.ts";
import { CODE_FLAG, type CodeDirectory, EXEC_SEGMENT_MAIN_BINARY } from "./code-directory.ts";
import { codeHashOf } from "./code-hash.ts";
import { codeProblem } from "./code-problem.ts";
import type { DecodedSignature } from "./decode-signature.ts";
import { type MachO, MH_EXECUTE } from "./mach-o.ts";
import { CMS_WRAPPER_MAGIC, magicOfSlot, SLOT, superBlobBytes } from "./super-blob.ts";

/** Whether the SuperBlob is of one piece, and each blob of the kind that its slot says; a ticket belongs into no code but a disk image. */
export function blobProblems({ blobs, length }: DecodedSignature, mayHaveTicket = false): readonly Problem[] {
  const problems: Problem[] = [];
  const expectedBytes = superBlobBytes(blobs.map(({ bytes }) => bytes.length));
  if (length !== expectedBytes) {
    const message = `The signature says it has ${length} bytes, its parts have ${expectedBytes}.`;
    problems.push(codeProblem("CODESIGN_LENGTH", message));
  }
  for (const { slot, magic } of blobs) {
    const isTicket = mayHaveTicket && slot === SLOT.ticket;
    const expected = isTicket ? CMS_WRAPPER_MAGIC : magicOfSlot(slot);
    if (magic === expected) continue;
    const what = expected === undefined ? "no signature of code has such a blob" : `its magic is ${magic.toString(16)}`;
    problems.push(codeProblem("CODESIGN_BLOB", `The blob in slot 0x${slot.toString(16)} is wrong: ${what}.`));
  }
  return problems;
}

/** Whether the signature is the file's last part, and covers all before it. */
export function placeProblems(machO: MachO, { codeLimit }: CodeDirectory): readonly Problem[] {
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

/** Whether a directory says what the other directories and the rest of the signature say. */
export function directoryProblems(directory: CodeDirectory, signature: DecodedSignature): readonly Problem[] {
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
  return problems;
}

/** Whether a directory says of the executable segment what the Mach-O headers say. */
export function execSegmentProblems(machO: MachO, { execSegment }: CodeDirectory): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (code: string, message: string): void => void problems.push(codeProblem(code, message));
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

/** What is sealed besides the blobs of the signature. */
export interface SealedContents {
  /** Of the bundle around the code, or embedded in it. */
  readonly infoPlist?: Uint8Array | undefined;
  readonly codeResources?: Uint8Array | undefined;
  /** Of a disk image, with the signature's length as 0. */
  readonly diskImageTrailer?: Uint8Array | undefined;
}

/** What each special slot hashes; undefined where there is nothing of its kind. */
function slotContent(slot: number, signature: DecodedSignature, contents: SealedContents): Uint8Array | undefined {
  if (slot === SLOT.infoPlist) return contents.infoPlist;
  if (slot === SLOT.codeResources) return contents.codeResources;
  if (slot === SLOT.diskImageTrailer) return contents.diskImageTrailer;
  return signature.blobs.find((blob) => blob.slot === slot)?.bytes;
}

const SLOT_NAMES: Readonly<Record<number, string>> = {
  [SLOT.infoPlist]: "Info.plist",
  [SLOT.requirements]: "requirements",
  [SLOT.codeResources]: "CodeResources",
  [SLOT.entitlements]: "entitlements",
  [SLOT.diskImageTrailer]: "disk image trailer",
  [SLOT.entitlementsDer]: "entitlements in DER",
};
const LAST_SPECIAL_SLOT = 15;

/** Whether each special slot seals what is there, and everything that is there is sealed. */
export function slotProblems(
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
