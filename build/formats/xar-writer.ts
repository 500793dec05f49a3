/**
 * A XAR archive, written: header, compressed table of contents, heap. The
 * checksum of the table leads the heap, and every file has one of its own,
 * SHA-1 all of them, as productbuild writes them; signing replaces the first
 * by SHA-256. Follows `xar.h` of Apple's xar and its wiki's file format.
 */
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { type ByteRange, withFileRange } from "./byte-range.ts";
import { escapeXml } from "./plist.ts";
import type { Sink } from "./sink.ts";
import { encodeXarHeader, XAR_CHECKSUMS } from "./xar.ts";

export type XarMember =
  | { readonly name: string; readonly members: readonly XarMember[] }
  /** Compressed in the archive. */
  | { readonly name: string; readonly content: Uint8Array }
  /** A file that is compressed already, absolute; stored as it is. */
  | { readonly name: string; readonly file: string };

const CHECKSUM = "sha1";
const CHUNK_BYTES = 1 << 20;

interface HeapEntry {
  readonly offset: number;
  readonly length: number;
  readonly size: number;
  /** SHA-1 of what is stored, and of what it unpacks to; hex. */
  readonly archived: string;
  readonly extracted: string;
  /** xar calls a zlib stream by gzip's name. */
  readonly encoding: "application/octet-stream" | "application/x-gzip";
  write(sink: Sink): Promise<void>;
}

/** Appends the archive. `createdAt` is the one date in it. */
export async function writeXar(sink: Sink, members: readonly XarMember[], createdAt: Date): Promise<void> {
  const heap: HeapEntry[] = [];
  let offset: number = XAR_CHECKSUMS[CHECKSUM].bytes;
  let id = 0;
  const layOut = async (member: XarMember, indent: string): Promise<string> => {
    const open = `${indent}<file id="${(id += 1)}">\n${indent} <name>${escapeXml(member.name)}</name>\n`;
    if ("members" in member) {
      const inner: string[] = [];
      for (const one of member.members) inner.push(await layOut(one, `${indent} `));
      return `${open}${indent} <type>directory</type>\n${inner.join("")}${indent}</file>\n`;
    }
    const entry = "file" in member ? await storedFile(member.file, offset) : compressed(member.content, offset);
    heap.push(entry);
    offset += entry.length;
    return `${open}${indent} <type>file</type>\n${renderData(entry, `${indent} `)}${indent}</file>\n`;
  };
  const files: string[] = [];
  for (const member of members) files.push(await layOut(member, "  "));
  const toc = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<xar>\n <toc>\n` +
      `  <checksum style="${CHECKSUM}">\n   <offset>0</offset>\n   <size>${XAR_CHECKSUMS[CHECKSUM].bytes}</size>\n  </checksum>\n` +
      `  <creation-time>${createdAt.toISOString().slice(0, 19)}</creation-time>\n${files.join("")} </toc>\n</xar>\n`,
  );
  const packed = deflateSync(toc, { level: 9 });
  await sink.append(encodeXarHeader(CHECKSUM, packed.length, toc.length));
  await sink.append(packed);
  await sink.append(createHash(CHECKSUM).update(packed).digest());
  for (const entry of heap) await entry.write(sink);
  await sink.flush();
}

function renderData(entry: HeapEntry, indent: string): string {
  const lines = [
    `<archived-checksum style="${CHECKSUM}">${entry.archived}</archived-checksum>`,
    `<extracted-checksum style="${CHECKSUM}">${entry.extracted}</extracted-checksum>`,
    `<encoding style="${entry.encoding}"/>`,
    `<size>${entry.size}</size>`,
    `<offset>${entry.offset}</offset>`,
    `<length>${entry.length}</length>`,
  ];
  return `${indent}<data>\n${lines.map((line) => `${indent} ${line}\n`).join("")}${indent}</data>\n`;
}

function compressed(content: Uint8Array, offset: number): HeapEntry {
  const packed = deflateSync(content, { level: 9 });
  const sha1 = (bytes: Uint8Array): string => createHash(CHECKSUM).update(bytes).digest("hex");
  return {
    offset,
    length: packed.length,
    size: content.length,
    archived: sha1(packed),
    extracted: sha1(content),
    encoding: "application/x-gzip",
    write: (sink) => sink.append(packed),
  };
}

async function storedFile(path: string, offset: number): Promise<HeapEntry> {
  return withFileRange(path, async (range) => {
    const hash = createHash(CHECKSUM);
    for await (const chunk of chunksOf(range)) hash.update(chunk);
    const digest = hash.digest("hex");
    return {
      offset,
      length: range.size,
      size: range.size,
      archived: digest,
      extracted: digest,
      encoding: "application/octet-stream",
      write: (sink) =>
        withFileRange(path, async (again) => {
          for await (const chunk of chunksOf(again)) await sink.append(chunk);
        }),
    };
  });
}

async function* chunksOf(range: ByteRange): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < range.size; at += CHUNK_BYTES) {
    yield await range.read(at, Math.min(CHUNK_BYTES, range.size - at));
  }
}
