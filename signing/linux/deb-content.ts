/** What is in a Debian package: the control file, and every file's MD5 against `md5sums` (deb-md5sums(5)). Streamed and bounded. */
import { once } from "node:events";
import { createHash } from "node:crypto";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import { LIMITS, mostBytes } from "../../build/formats/unpack-limits.ts";
import type { ArMember } from "../../build/formats/ar-reader.ts";
import type { ByteRange } from "../../build/formats/byte-range.ts";
import { messageOf, type Problem, systemCode } from "../../runtime/base/errors.ts";
import type { VerifyLinuxOptions } from "./verify-rpm.ts";

export interface DebContent {
  readonly problems: readonly Problem[];
  readonly facts: Readonly<Record<string, string>>;
}

const PIECE_BYTES = 1 << 18;
const MAX_TEXT_BYTES = 16 << 20;
const MAX_WINDOW_LOG = 28;
const MD5_LINE = /^([0-9a-f]{32}) {1,2}(.+)$/;

type Entries = ReadonlyMap<string, { readonly md5: string; readonly text: string | undefined }>;

/** Reads both archives. Every fault in them is a problem; only a disk that fails is an error. */
export async function contentProblems(
  range: ByteRange,
  { control, data }: { readonly control: ArMember; readonly data: ArMember },
  { signal, limits = LIMITS }: VerifyLinuxOptions,
): Promise<DebContent> {
  const problems: Problem[] = [];
  const report = (code: string, message: string): void =>
    void problems.push({ code, message, remedy: "make the package again: erth package" });
  const read = async (member: ArMember, isText: (name: string) => boolean): Promise<Entries | undefined> => {
    const pieces = unpacked(memberContent(range, member, signal), member.name);
    if (pieces === undefined) return undefined;
    return await tarEntries(pieces, member, isText, mostBytes(limits, member.size), report);
  };
  const controls = await read(control, (name) => name === "control" || name === "md5sums");
  const files = await read(data, () => false);
  const unread = [control, data].filter((_, index) => [controls, files][index] === undefined).map(({ name }) => name);
  const facts: Record<string, string> = {};
  const text = controls?.get("control")?.text ?? "";
  const field = (name: string): string | undefined => new RegExp(`^${name}: (.+)$`, "m").exec(text)?.[1];
  if (controls !== undefined && field("Package") === undefined)
    report("DEB_MEMBERS", "It has no control file with a package's name.");
  if (text !== "") facts["package"] = `${field("Package")} ${field("Version")} ${field("Architecture")}`;
  const sums = controls?.get("md5sums")?.text;
  if (sums !== undefined && files !== undefined) {
    let count = 0;
    for (const line of sums.split("\n").filter((one) => one !== "")) {
      const [, md5, name = ""] = MD5_LINE.exec(line) ?? [];
      const found = files.get(name)?.md5;
      if (md5 === undefined) report("DEB_DIGEST", "Its md5sums has a line that is no digest.");
      else if (found === undefined) report("DEB_DIGEST", `${name} is in md5sums, and missing.`);
      else if (found !== md5) report("DEB_DIGEST", `${name} has the MD5 ${found}, and is stated with ${md5}.`);
      else count += 1;
    }
    facts["files"] = `${count} of ${files.size} as md5sums has them`;
  }
  if (unread.length > 0) facts["not opened"] = unread.join(", ");
  return { problems, facts };
}

/** Undefined for a compression that is not unpacked here. */
function unpacked(source: AsyncIterable<Uint8Array>, name: string): AsyncIterable<Uint8Array> | undefined {
  if (name.endsWith(".tar")) return source;
  if (name.endsWith(".gz")) return through(source, createGunzip({ chunkSize: PIECE_BYTES }));
  if (name.endsWith(".zst"))
    return through(source, createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG } }));
  return undefined;
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  transform: NodeJS.ReadWriteStream & { destroy(error?: Error): unknown },
) {
  const feed = (async () => {
    for await (const piece of source) if (!transform.write(piece)) await once(transform, "drain");
    transform.end();
  })();
  feed.catch((error: unknown) => transform.destroy(error instanceof Error ? error : undefined));
  try {
    for await (const piece of transform as AsyncIterable<Buffer>) yield piece;
  } finally {
    transform.destroy();
  }
}

async function tarEntries(
  pieces: AsyncIterable<Uint8Array>,
  { name: member, size }: ArMember,
  isText: (name: string) => boolean,
  most: number,
  report: (code: string, message: string) => void,
): Promise<Entries> {
  const entries = new Map<string, { md5: string; text: string | undefined }>();
  const parser = new Parser({ strict: true, gzip: false, brotli: false, zstd: false });
  parser.on("entry", (entry: ReadEntry) => {
    const name = entry.path.replace(/^\.\//, "").replace(/\/$/, "");
    if (name.split("/").includes("..") || name.startsWith("/"))
      report("DEB_PATH", `${entry.path} in ${member} leaves the system's root.`);
    const hash = createHash("md5");
    const text: Buffer[] = [];
    let length = 0;
    entry.on("data", (piece: Buffer) => {
      hash.update(piece);
      length += piece.length;
      if (isText(name) && length <= MAX_TEXT_BYTES) text.push(piece);
    });
    entry.on("end", () => {
      if (entry.type !== "File" && entry.type !== "OldFile") return;
      if (entries.has(name)) report("DEB_PATH", `${name} is twice in ${member}.`);
      entries.set(name, {
        md5: hash.digest("hex"),
        text: isText(name) ? Buffer.concat(text).toString("utf8") : undefined,
      });
    });
  });
  let fault: Error | undefined;
  parser.on("error", (error: Error) => (fault ??= error));
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      bytes += piece.length;
      if (bytes > most) {
        report("DEB_LIMIT", `${member} unpacks to more than ${most} bytes out of ${size}; it was not read further.`);
        return entries;
      }
      parser.write(Buffer.from(piece));
      if (fault) break;
    }
    if (!fault) {
      const ended = once(parser, "end");
      parser.end();
      await ended;
    }
  } catch (error) {
    // zlib's complaints, and the parser's; a disk that fails is no fault of the package.
    const isOfData = /^(Z_|ERR_ZLIB|ZSTD_|TAR_)/.test(systemCode(error) ?? "") || error === fault;
    if (!isOfData) throw error;
    fault ??= error instanceof Error ? error : new Error(messageOf(error));
  }
  if (fault) report("DEB_DAMAGED", `${member} cannot be unpacked: ${fault.message}.`);
  return entries;
}

async function* memberContent(range: ByteRange, { offset, size }: ArMember, signal: AbortSignal | undefined) {
  for (let at = 0; at < size; at += PIECE_BYTES) {
    signal?.throwIfAborted();
    yield await range.read(offset + at, Math.min(PIECE_BYTES, size - at));
  }
}
