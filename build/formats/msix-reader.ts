/**
 * Opens an untrusted app package of Windows again: every block of every file
 * against the block map, unpacked alone as Windows does it, and every part
 * against the list of types. Gathers what is wrong; nothing is written.
 */
import { createHash } from "node:crypto";
import { constants, crc32, inflateRawSync } from "node:zlib";
import { SaxesParser } from "saxes";
import { ErthError, messageOf, type Problem } from "../../runtime/base/errors.ts";
import { BLOCK_BYTES, type MappedFile, parseBlockMap } from "./block-map.ts";
import type { ByteRange } from "./byte-range.ts";
import { DEFLATE_END } from "./deflate-run.ts";
import { BLOCK_MAP_NAME, MANIFEST_NAME, SIGNATURE_NAME } from "./msix.ts";
import { CONTENT_TYPES_NAME, decodePartName } from "./opc.ts";
import { readZipData, zipDataPlace } from "./zip-data.ts";
import { readZip, type ZipDirectory, type ZipRecord } from "./zip-directory.ts";
import { ZIP_DEFLATED } from "./zip-records.ts";

export interface MsixEntry {
  /** "/" separated, decoded. */
  readonly path: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface MsixReading {
  readonly problems: readonly Problem[];
  /** Text of AppxManifest.xml. */
  readonly manifest: string | undefined;
  readonly isSigned: boolean;
  /** Every file of the block map, the manifest among them. */
  readonly entries: readonly MsixEntry[];
}

const MAX_DOCUMENT_BYTES = 64 << 20;
/** Deflate's worst case is smaller: five bytes for 64 KiB, and the flush. */
const MAX_BLOCK_BYTES = BLOCK_BYTES + 1024;
/** These are in no block map. */
const UNMAPPED: readonly string[] = [BLOCK_MAP_NAME, CONTENT_TYPES_NAME, SIGNATURE_NAME];

/** Reads all of a package. Throws `ZIP_DAMAGED` for what is no zip; everything else is among the problems. */
export async function readMsix(range: ByteRange): Promise<MsixReading> {
  const zip = await readZip(range);
  const problems: Problem[] = [];
  const gather = async <Result>(task: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof ErthError)) throw error;
      problems.push({ code: error.code, message: error.message, remedy: error.remedy });
      return undefined;
    }
  };
  const records = recordsByPath(zip, problems);
  const text = (name: string): Promise<string | undefined> => gather(() => readDocument(range, records, name));
  const [manifest, contentTypes, blockMap] = [
    await text(MANIFEST_NAME),
    await text(CONTENT_TYPES_NAME),
    await text(BLOCK_MAP_NAME),
  ];
  if (contentTypes !== undefined) await gather(async () => typeProblems(records, contentTypes, problems));
  const files = (blockMap && (await gather(async () => parseBlockMap(blockMap)))) || [];
  const entries: MsixEntry[] = [];
  const mapped = new Set<string>();
  for (const file of files) {
    const record = records.get(file.path);
    if (mapped.has(file.path)) problems.push(damaged(`${file.path} is twice in the block map`));
    else if (record === undefined) problems.push(damaged(`${file.path} is in the block map, but not in the package`));
    else {
      const entry = await gather(() => checkFile(range, record, file));
      if (entry) entries.push(entry);
    }
    mapped.add(file.path);
  }
  for (const path of records.keys()) {
    if (blockMap !== undefined && !mapped.has(path) && !UNMAPPED.includes(path))
      problems.push(damaged(`${path} is in the package, but not in the block map`));
  }
  return { problems, manifest, isSigned: records.has(SIGNATURE_NAME), entries };
}

function recordsByPath({ records }: ZipDirectory, problems: Problem[]): ReadonlyMap<string, ZipRecord> {
  const byPath = new Map<string, ZipRecord>();
  for (const record of records) {
    const path = decodePartName(record.name);
    if (path === undefined) problems.push(damaged(`${JSON.stringify(record.name)} is no encoded name`));
    else if (path.endsWith("/")) problems.push(damaged(`${path} is a folder, and a package has none`));
    else if (!isInside(path)) problems.push(damaged(`${JSON.stringify(path)} leads out of the package`));
    else if (byPath.has(path)) problems.push(damaged(`${path} is there twice`));
    else byPath.set(path, record);
  }
  return byPath;
}

function isInside(path: string): boolean {
  return !/[\\:]/.test(path) && path.split("/").every((name) => name !== "" && name !== "." && name !== "..");
}

async function readDocument(range: ByteRange, records: ReadonlyMap<string, ZipRecord>, name: string): Promise<string> {
  const record = records.get(name);
  if (record === undefined) throw new ErthError(damaged(`it has no ${name}`));
  if (record.bytes > MAX_DOCUMENT_BYTES) throw new ErthError(damaged(`${name} has ${record.bytes} bytes`));
  return Buffer.concat(await Array.fromAsync(readZipData(range, record))).toString("utf8");
}

/** Every block alone, then at most the stream's end; sizes, hashes and checksum as they are promised. */
async function checkFile(range: ByteRange, record: ZipRecord, file: MappedFile): Promise<MsixEntry> {
  const { path, bytes, blocks } = file;
  const fail = (what: string): never => {
    throw new ErthError(damaged(`${path} ${what}`));
  };
  if (record.bytes !== bytes) fail(`has ${record.bytes} bytes, in the block map ${bytes}`);
  if (blocks.length !== Math.ceil(bytes / BLOCK_BYTES)) fail(`has ${blocks.length} blocks for ${bytes} bytes`);
  const { offset, localHeaderBytes } = await zipDataPlace(range, record);
  if (localHeaderBytes !== file.localHeaderBytes) {
    fail(`has a local header of ${localHeaderBytes} bytes, in the block map ${file.localHeaderBytes}`);
  }
  const isDeflated = record.method === ZIP_DEFLATED;
  const hash = createHash("sha256");
  let checksum = 0;
  let at = 0;
  for (const [number, block] of blocks.entries()) {
    const rawBytes = Math.min(BLOCK_BYTES, bytes - number * BLOCK_BYTES);
    const length = isDeflated ? (block.compressedBytes ?? 0) : rawBytes;
    if (length === 0 || length > MAX_BLOCK_BYTES || at + length > record.compressedBytes) {
      fail(`has a block ${number} of ${length} bytes at ${at} of ${record.compressedBytes}`);
    }
    const stored = await range.read(offset + at, length);
    const raw = isDeflated
      ? inflateBlock(stored, rawBytes, (what) => fail(`has a block ${number} that ${what}`))
      : stored;
    if (!createHash("sha256").update(raw).digest().equals(block.hash))
      fail(`has another block ${number} than the map says`);
    hash.update(raw);
    checksum = crc32(raw, checksum);
    at += length;
  }
  const rest = record.compressedBytes - at;
  // Who knows which block is the last can end the stream in it.
  if (rest !== 0 && !(isDeflated && rest === DEFLATE_END.length)) fail(`has ${rest} bytes behind its last block`);
  if (checksum !== record.crc32) fail("has another checksum than its record");
  return { path, bytes, sha256: hash.digest("hex") };
}

function inflateBlock(stored: Uint8Array, rawBytes: number, fail: (what: string) => never): Uint8Array {
  let raw: Uint8Array;
  try {
    // It ends in a flush, not in the stream's end.
    raw = inflateRawSync(stored, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: rawBytes + 1 });
  } catch (error) {
    return fail(`cannot be unpacked alone (${messageOf(error)})`);
  }
  return raw.length === rawBytes ? raw : fail(`unpacks to ${raw.length} bytes of ${rawBytes}`);
}

/** A part without a type is one that Windows does not open. */
function typeProblems(records: ReadonlyMap<string, ZipRecord>, xml: string, problems: Problem[]): void {
  const [extensions, names] = [new Set<string>(), new Set<string>()];
  const parser = new SaxesParser();
  parser.on("error", (cause) => {
    throw new ErthError(damaged(`${CONTENT_TYPES_NAME} is not well-formed XML (${cause.message})`));
  });
  parser.on("opentag", ({ name, attributes }) => {
    if (name === "Default") extensions.add((attributes["Extension"] ?? "").toLowerCase());
    if (name === "Override") names.add(decodePartName((attributes["PartName"] ?? "").slice(1)) ?? "");
  });
  parser.write(xml).close();
  for (const path of records.keys()) {
    const extension = path.split("/").at(-1)?.split(".").slice(1).at(-1)?.toLowerCase();
    const hasType = names.has(path) || (extension !== undefined && extensions.has(extension));
    if (!hasType && path !== CONTENT_TYPES_NAME) problems.push(damaged(`${path} has no content type`));
  }
}

function damaged(what: string): Problem {
  return {
    code: "MSIX_DAMAGED",
    message: `the app package is damaged: ${what}.`,
    remedy: "make it again: erth package",
  };
}
