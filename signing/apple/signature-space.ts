/**
 * Room for a signature in a Mach-O file: where the signed bytes end, and the
 * header with its load commands changed to say so. Whatever signature was
 * there (a vendor's, a linker's, a stale one) is left behind.
 */
import { alignUp } from "../../build/formats/bounded-view.ts";
import { LC_CODE_SIGNATURE, type MachO } from "./mach-o.ts";
import { machOMalformed, machONoRoom, machOTrailingData } from "./mach-o-errors.ts";

const SIGNATURE_ALIGNMENT = 16;
const LC_CODE_SIGNATURE_BYTES = 16;
/** `__LINKEDIT` takes whole pages of memory, of the larger page size on both architectures. */
const MEMORY_PAGE_BYTES = 16384;
const MAX_FILE_BYTES = 0xffffffff;

export interface SignedExtent {
  /** How many bytes of the file are kept. */
  readonly contentBytes: number;
  /** Where the signature begins: `contentBytes` and zeros up to the next multiple of 16. */
  readonly codeLimit: number;
}

/** Which bytes a signature covers. Throws `MACHO_TRAILING_DATA` where that cannot be all of them. */
export function signedExtent(machO: MachO): SignedExtent {
  const { linkEdit, signature, size } = machO;
  const linkEditEnd = linkEdit.fileOffset + linkEdit.fileSize;
  // 1. Nothing may lie after __LINKEDIT, and __LINKEDIT must come last.
  const after = machO.segments.find((segment) => segment.fileSize > 0 && segment.fileOffset > linkEdit.fileOffset);
  if (after !== undefined) throw machOTrailingData(`segment ${after.name} lies after __LINKEDIT`);
  if (linkEditEnd < size) throw machOTrailingData(`${size - linkEditEnd} bytes follow __LINKEDIT`);
  if (linkEdit.fileSize === 0) throw machOMalformed("its __LINKEDIT segment is empty");
  // 2. An old signature is the last thing in __LINKEDIT.
  if (signature !== undefined) {
    const signatureEnd = signature.offset + signature.size;
    if (signature.offset < linkEdit.fileOffset) throw machOMalformed("its signature lies before __LINKEDIT");
    if (machO.linkEditDataEnd > signature.offset)
      throw machOTrailingData("a table of __LINKEDIT follows the signature");
    if (linkEditEnd - signatureEnd >= SIGNATURE_ALIGNMENT) {
      throw machOTrailingData(`${linkEditEnd - signatureEnd} bytes follow the signature`);
    }
  }
  const contentBytes = signature?.offset ?? linkEditEnd;
  return { contentBytes, codeLimit: alignUp(contentBytes, SIGNATURE_ALIGNMENT) };
}

/** How many bytes of the file's beginning `headerWithSignature` changes. */
export function changedHeaderBytes(machO: MachO): number {
  return machO.commandsEnd + (machO.signature === undefined ? LC_CODE_SIGNATURE_BYTES : 0);
}

/**
 * The file's first `changedHeaderBytes`, for a signature of `signatureBytes`
 * at `codeLimit`. Throws `MACHO_NO_ROOM`.
 */
export function headerWithSignature(
  machO: MachO,
  head: Uint8Array,
  codeLimit: number,
  signatureBytes: number,
): Uint8Array {
  const header = Uint8Array.from(head.subarray(0, changedHeaderBytes(machO)));
  const view = new DataView(header.buffer);
  const end = codeLimit + signatureBytes;
  if (end > MAX_FILE_BYTES) throw machOTrailingData(`it would have ${end} bytes, more than 32-bit offsets reach`);
  // 1. LC_CODE_SIGNATURE, the last load command where there was none.
  let command = machO.signature?.commandOffset;
  if (command === undefined) {
    command = machO.commandsEnd;
    const free = Math.max(0, machO.firstSectionOffset - command);
    const isUnused = head
      .subarray(command, command + Math.min(free, LC_CODE_SIGNATURE_BYTES))
      .every((byte) => byte === 0);
    if (free < LC_CODE_SIGNATURE_BYTES || !isUnused) throw machONoRoom(isUnused ? free : 0);
    view.setUint32(command, LC_CODE_SIGNATURE, true);
    view.setUint32(command + 4, LC_CODE_SIGNATURE_BYTES, true);
    view.setUint32(16, machO.commandCount + 1, true);
    view.setUint32(20, view.getUint32(20, true) + LC_CODE_SIGNATURE_BYTES, true);
  }
  view.setUint32(command + 8, codeLimit, true);
  view.setUint32(command + 12, signatureBytes, true);
  // 2. __LINKEDIT ends where the signature does.
  const { commandOffset, fileOffset } = machO.linkEdit;
  const fileSize = end - fileOffset;
  view.setBigUint64(commandOffset + 32, BigInt(alignUp(fileSize, MEMORY_PAGE_BYTES)), true);
  view.setBigUint64(commandOffset + 48, BigInt(fileSize), true);
  return header;
}
