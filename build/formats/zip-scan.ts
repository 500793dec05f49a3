/**
 * A suspicious look at a `.zip`: everything that makes two readers see two
 * different archives, and everything that makes an unpacker write where it
 * should not. Gathers problems instead of stopping. APPNOTE 6.3.10; shares
 * nothing with the code that writes zips.
 */
import type { Problem } from "../../runtime/base/errors.ts";
import type { ByteRange } from "./byte-range.ts";
import { mostBytes, type UnpackLimits } from "./unpack-limits.ts";
import { descriptorBytes, readLocalHeader, readZipRecords, type ZipEntryRecord, zipLimit } from "./zip-scan-records.ts";

export interface ZipMember {
  /** "/" separated, without one at its end. */
  readonly name: string;
  readonly kind: "file" | "folder" | "link";
  /** 0 stored, 8 deflated; nothing else is read. */
  readonly method: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly crc32: number;
  /** Unix permissions; 0 where none were recorded. */
  readonly mode: number;
  /** Where its data begins in the file. */
  readonly dataOffset: number;
}

export interface ScannedZip {
  readonly problems: readonly Problem[];
  /** Those whose content can be read; none with an unsafe name. */
  readonly members: readonly ZipMember[];
}

/** Deflate cannot do better than 1032 to 1. */
const MAX_DEFLATE_RATIO = 1040;
const STORED = 0;
const DEFLATED = 8;
const FLAG_ENCRYPTED = 1;
const FLAG_DESCRIPTOR = 8;
const TYPE_MASK = 0o170000;
const TYPE_LINK = 0o120000;
const TYPE_FOLDER = 0o040000;
const TYPE_FILE = 0o100000;

/** Reads all records and local headers. Throws `ZIP_DAMAGED` where there is no directory to begin with, `ZIP_LIMIT` for a bomb. */
export async function scanZip(range: ByteRange, limits: UnpackLimits): Promise<ScannedZip> {
  const problems: Problem[] = [];
  const report = (code: string, message: string): void => void problems.push(zipProblem(code, message));
  const { records, directoryOffset, hidden } = await readZipRecords(range, limits.maxEntries);
  for (const { what, bytes } of hidden) report("ZIP_HIDDEN", `${bytes} bytes ${what}.`);
  requireBounded(records, range.size, limits, report);

  const members: ZipMember[] = [];
  const places: { readonly name: string; readonly start: number; readonly end: number }[] = [];
  for (const record of records) {
    const local = await readLocalHeader(range, record, directoryOffset);
    if ("fault" in local) {
      report("ZIP_DAMAGED", `${shown(record.name)}: ${local.fault}.`);
      continue;
    }
    for (const fault of local.faults) report("ZIP_CONTRADICTION", `${shown(record.name)}: ${fault}.`);
    const dataEnd = local.dataOffset + record.compressedBytes;
    if (dataEnd > directoryOffset) {
      report("ZIP_DAMAGED", `${shown(record.name)}: its data reaches into the directory.`);
      continue;
    }
    const hasDescriptor = (record.flags & FLAG_DESCRIPTOR) !== 0;
    const tail = hasDescriptor ? await descriptorBytes(range, record, dataEnd, directoryOffset) : 0;
    if (tail === undefined) report("ZIP_CONTRADICTION", `${shown(record.name)}: its data descriptor says otherwise.`);
    places.push({ name: record.name, start: record.offset, end: dataEnd + (tail ?? 0) });
    const fault = unreadable(record);
    if (fault === undefined) members.push(memberOf(record, local.dataOffset));
    else report("ZIP_UNSUPPORTED", `${shown(record.name)}: ${fault}.`);
  }
  problems.push(...placeProblems(places, directoryOffset));
  const unsafe = unsafeNames(members);
  for (const [name, why] of unsafe) report("ZIP_PATH", `${shown(name)}: ${why}.`);
  return { problems, members: members.filter(({ name }) => !unsafe.has(name)) };
}

/** A fault of an archive, as a problem. */
export function zipProblem(code: string, message: string): Problem {
  return { code, message, remedy: "make the zip again: erth package" };
}

function memberOf(record: ZipEntryRecord, dataOffset: number): ZipMember {
  const type = record.mode & TYPE_MASK;
  const isFolder = record.name.endsWith("/");
  const { method, compressedBytes, bytes, crc32 } = record;
  return {
    name: record.name.replace(/\/$/, ""),
    kind: isFolder ? "folder" : type === TYPE_LINK ? "link" : "file",
    method,
    compressedBytes,
    bytes,
    crc32,
    mode: record.mode & 0o777,
    dataOffset,
  };
}

function unreadable({ flags, method, mode, name }: ZipEntryRecord): string | undefined {
  if ((flags & FLAG_ENCRYPTED) !== 0) return "it is encrypted";
  if (method !== STORED && method !== DEFLATED) return `it is compressed by method ${method}`;
  const type = mode & TYPE_MASK;
  const isFolder = name.endsWith("/");
  if (type !== 0 && type !== TYPE_LINK && type !== TYPE_FILE && type !== TYPE_FOLDER)
    return "it is neither file, folder nor link";
  return type !== 0 && (type === TYPE_FOLDER) !== isFolder
    ? "its name and its mode differ on whether it is a folder"
    : undefined;
}

/** Refuses a bomb by what it promises; what it holds beyond that is never unpacked. */
function requireBounded(
  records: readonly ZipEntryRecord[],
  fileBytes: number,
  limits: UnpackLimits,
  report: (code: string, message: string) => void,
): void {
  let total = 0;
  for (const { name, method, compressedBytes, bytes } of records) {
    total += bytes;
    const most = method === STORED ? compressedBytes : compressedBytes * MAX_DEFLATE_RATIO + 64;
    if (bytes > most) report("ZIP_SIZE", `${shown(name)} promises ${bytes} bytes out of ${compressedBytes}.`);
  }
  const allowed = mostBytes(limits, fileBytes);
  if (total <= allowed) return;
  throw zipLimit(`it would unpack to ${total} bytes out of ${fileBytes}, and ${allowed} are allowed`);
}

/** Entries lie behind each other without a gap, from the first byte to the directory. */
function placeProblems(
  places: readonly { readonly name: string; readonly start: number; readonly end: number }[],
  directoryOffset: number,
): readonly Problem[] {
  const problems: Problem[] = [];
  let end = 0;
  let before = "the beginning";
  for (const { name, start, end: next } of places.toSorted((a, b) => a.start - b.start)) {
    if (start < end) problems.push(zipProblem("ZIP_OVERLAP", `${shown(name)} lies over ${before}.`));
    if (start > end)
      problems.push(zipProblem("ZIP_HIDDEN", `${start - end} bytes lie between ${before} and ${shown(name)}.`));
    end = Math.max(end, next);
    before = shown(name);
  }
  if (end < directoryOffset) {
    problems.push(zipProblem("ZIP_HIDDEN", `${directoryOffset - end} bytes lie between ${before} and the directory.`));
  }
  return problems;
}

/** Names that must not be unpacked, with the reason. */
function unsafeNames(members: readonly ZipMember[]): ReadonlyMap<string, string> {
  const unsafe = new Map<string, string>();
  const kinds = new Map(members.map(({ name, kind }) => [name, kind]));
  const folded = new Map<string, string>();
  for (const { name } of members) {
    const why = unsafePart(name);
    if (why !== undefined) unsafe.set(name, why);
    // Windows and macOS take these for the same file, and the second one wins.
    const key = name.normalize("NFC").toLowerCase();
    const twin = folded.get(key);
    if (twin !== undefined) unsafe.set(name, twin === name ? "it is there twice" : `it is ${shown(twin)} as well`);
    folded.set(key, name);
    const parts = name.split("/");
    for (let length = 1; length < parts.length; length += 1) {
      const parent = parts.slice(0, length).join("/");
      const kind = kinds.get(parent);
      if (kind !== undefined && kind !== "folder") unsafe.set(name, `it lies in ${shown(parent)}, which is a ${kind}`);
    }
  }
  return unsafe;
}

function unsafePart(name: string): string | undefined {
  if (name === "") return "it has no name";
  if (name.startsWith("/")) return "its path is absolute";
  if (/^[A-Za-z]:/.test(name)) return "its path names a drive";
  if (name.includes("\\")) return "its path has a backslash, which Windows takes for a folder";
  if (/\p{Cc}/u.test(name)) return "its path has control characters";
  if (name.includes("\u{fffd}")) return "its path is not UTF-8";
  const parts = name.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) return "its path leaves the folder";
  return undefined;
}

function shown(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}
