/**
 * The single file, version 1. `build/stub/` is the reader that ships.
 *
 *   stub     an ELF or PE program for the target
 *   frames   zstd frames (RFC 8878), one after the other
 *   index    JSON, UTF-8: `PayloadIndex`
 *   footer   64 bytes, little endian:
 *              0  8  "ERTHPAY1"
 *              8  8  offset of the index
 *             16  8  length of the index
 *             24 32  SHA-256 of the index
 *             56  8  zero
 *
 * A reader looks for the footer in the last 64 KiB, from the end: something
 * may have been appended. A signature of a Windows program does not count: it
 * ends where its certificate table begins. The index directly precedes the
 * footer, and its digest tells a footer from chance. All offsets count from
 * the first byte of the stub, which is where the footer says that the index
 * is: an AppImage holds a whole single file in its middle. Frames are
 * independent of each other; a frame's raw bytes are those of its slices
 * before its filter, and its digest is theirs.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { ErthError } from "../../runtime/base/errors.ts";

const FOOTER_BYTES = 64;
export const FOOTER_SEARCH_BYTES = 64 << 10;
/** Lies in the unpacked folder when it is whole, so no file may be called so. */
export const RESERVED_NAME = ".ok";
const MAGIC = "ERTHPAY1";
const MAX_INDEX_BYTES = 16 << 20;
const MAX_FRAME_BYTES = 256 << 20;

const Bytes = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const Digest = z.string().regex(/^[0-9a-f]{64}$/);
const PlainName = z.string().regex(/^[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,127}$/);
const Path = z.string().refine(isCleanPath, "leaves the app folder");

const FrameSchema = z.object({
  /** From the first byte of the stub. */
  offset: Bytes,
  length: Bytes.min(1),
  rawLength: Bytes.min(1).max(MAX_FRAME_BYTES),
  filter: z.enum(["none", "bcj-x86", "bcj-arm64"]),
  /** Of the raw bytes, the filter undone. */
  sha256: Digest,
});

const EntrySchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("folder"), path: Path }),
  z.object({ type: z.literal("link"), path: Path, target: z.string().min(1) }),
  z.object({
    type: z.literal("file"),
    path: Path,
    mode: z.int().min(0).max(0o777),
    size: Bytes,
    sha256: Digest,
    /** The file's bytes in order: ranges of frames' raw bytes. */
    slices: z.array(z.object({ frame: z.int().min(0), offset: Bytes, length: Bytes.min(1) })),
  }),
]);

const RequirementSchema = z.object({
  /** Name of a shared library, as the dynamic linker looks for it; "WebView2" on Windows. */
  library: PlainName,
  /** Distribution family → the package that has it; "windows" → where to get it. */
  packages: z.record(z.string(), z.string()),
});

const IndexSchema = z.object({
  v: z.literal(1),
  app: z.object({ name: z.string(), slug: z.string(), identifier: PlainName, version: z.string() }),
  /** Content digest of the unpacked tree; names its folder. */
  id: z.string().regex(/^[0-9a-f]{16,64}$/),
  launch: z.object({
    executable: Path,
    args: z.array(z.string()),
    cwd: z.string(),
    env: z.record(z.string(), z.string()),
  }),
  requirements: z.array(RequirementSchema),
  frames: z.array(FrameSchema),
  /** A folder comes before what is in it. */
  entries: z.array(EntrySchema),
});

export type PayloadIndex = z.infer<typeof IndexSchema>;
export type PayloadFrame = z.infer<typeof FrameSchema>;
export type PayloadEntry = z.infer<typeof EntrySchema>;
export type PayloadRequirement = z.infer<typeof RequirementSchema>;

/** Where a file's index lies. */
export interface FooterFacts {
  /** Where in the file the stub begins, which offsets count from. */
  readonly origin: number;
  /** From the origin. */
  readonly indexOffset: number;
  readonly indexLength: number;
  readonly indexSha256: string;
}

/** Index and footer as they follow the frames, where the index begins at `indexOffset` from the stub's first byte. */
export function encodeTail(index: PayloadIndex, indexOffset: number): Buffer {
  const text = Buffer.from(JSON.stringify(index));
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.write(MAGIC, 0, "latin1");
  footer.writeBigUInt64LE(BigInt(indexOffset), 8);
  footer.writeBigUInt64LE(BigInt(text.length), 16);
  createHash("sha256").update(text).digest().copy(footer, 24);
  return Buffer.concat([text, footer]);
}

/**
 * Every place in a file's last bytes that looks like a footer, the last one
 * first. `tail` ends where the file of `fileBytes` does.
 */
export function findFooters(tail: Buffer, fileBytes: number): readonly FooterFacts[] {
  const found: FooterFacts[] = [];
  const tailOffset = fileBytes - tail.length;
  for (let at = tail.lastIndexOf(MAGIC, tail.length, "latin1"); at >= 0;) {
    if (at + FOOTER_BYTES <= tail.length) {
      const indexOffset = tail.readBigUInt64LE(at + 8);
      const indexLength = tail.readBigUInt64LE(at + 16);
      const origin = BigInt(tailOffset + at) - indexLength - indexOffset;
      if (origin >= 0n && indexLength > 0n && indexLength <= MAX_INDEX_BYTES) {
        found.push({
          origin: Number(origin),
          indexOffset: Number(indexOffset),
          indexLength: Number(indexLength),
          indexSha256: tail.toString("hex", at + 24, at + 56),
        });
      }
    }
    at = at === 0 ? -1 : tail.lastIndexOf(MAGIC, at - 1, "latin1");
  }
  return found;
}

/** Reads an index whose digest has been checked. Throws `PAYLOAD_DAMAGED` where it contradicts itself. */
export function parseIndex(text: Buffer, indexOffset: number): PayloadIndex {
  let value: unknown;
  try {
    value = JSON.parse(text.toString());
  } catch (cause) {
    throw payloadDamaged("its index is not JSON", cause);
  }
  const parsed = IndexSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw payloadDamaged(`its index has a wrong ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const index = parsed.data;
  for (const [number, frame] of index.frames.entries()) {
    if (frame.offset + frame.length > indexOffset) throw payloadDamaged(`frame ${number} lies outside it`);
  }
  checkEntries(index);
  return index;
}

function checkEntries(index: PayloadIndex): void {
  const kinds = new Map<string, PayloadEntry["type"]>();
  const ranges: [frame: number, start: number, end: number][] = [];
  for (const entry of index.entries) {
    const parent = entry.path.split("/").slice(0, -1).join("/");
    if (kinds.has(entry.path) || (parent !== "" && kinds.get(parent) !== "folder")) {
      throw payloadDamaged(`its index has ${entry.path} twice or without its folder`);
    }
    if (entry.type === "link" && !staysInside(parent, entry.target)) {
      throw payloadDamaged(`its link ${entry.path} leaves the app: ${entry.target}`);
    }
    if (entry.type === "file") {
      let at = 0;
      for (const { frame, offset, length } of entry.slices) {
        if (offset + length > (index.frames[frame]?.rawLength ?? 0)) {
          throw payloadDamaged(`${entry.path} names bytes that no frame has`);
        }
        ranges.push([frame, offset, offset + length]);
        at += length;
      }
      if (at !== entry.size) throw payloadDamaged(`${entry.path} has ${at} bytes of ${entry.size}`);
    }
    kinds.set(entry.path, entry.type);
  }
  ranges.sort(([a, b], [c, d]) => a - c || b - d);
  for (const [at, [frame, start]] of ranges.entries()) {
    const before = ranges[at - 1];
    if (before?.[0] === frame && before[2] > start) throw payloadDamaged(`two files share bytes of frame ${frame}`);
  }
  const { executable, cwd } = index.launch;
  if (kinds.get(executable) !== "file" || (cwd !== "" && cwd !== "." && kinds.get(cwd) !== "folder")) {
    throw payloadDamaged(`it starts ${executable} in "${cwd}", which the app does not have`);
  }
}

/** Whether a link in a folder of the tree leads to a place in the tree; both relative, "/" separated. */
export function staysInside(folder: string, target: string): boolean {
  if (target.startsWith("/") || target.includes("\0")) return false;
  let depth = folder === "" ? 0 : folder.split("/").length;
  for (const name of target.split("/")) {
    if (name === "..") depth -= 1;
    else if (name !== "" && name !== ".") depth += 1;
    if (depth < 0) return false;
  }
  return true;
}

/** Whether a path has one spelling and stays in the folder that it is joined to. */
function isCleanPath(path: string): boolean {
  const names = path.split("/");
  return path !== RESERVED_NAME && !path.includes("\0") && names.every((name) => !["", ".", ".."].includes(name));
}

/** A single file that is not what was published. */
export function payloadDamaged(what: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "PAYLOAD_DAMAGED",
    message: `the single file is damaged: ${what}.`,
    remedy: "make it again: erth package",
    cause,
  });
}
