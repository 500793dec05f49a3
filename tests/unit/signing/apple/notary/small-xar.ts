/** A minimal XAR archive as unsigned packages are: SHA-1 checksum first in the heap, files stored or deflated behind it. */
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";

export interface SmallXarOptions {
  /** Put between `<toc>` and the files, as Apple's tools add elements. */
  readonly extraXml?: string;
  readonly checksum?: "sha1" | "sha256";
}

const CHECKSUM_NUMBERS = { sha1: 1, sha256: 3 } as const;

export function smallXar(files: Readonly<Record<string, Uint8Array>>, options: SmallXarOptions = {}): Buffer {
  const style = options.checksum ?? "sha1";
  const checksumBytes = createHash(style).digest().length;
  const heap: Buffer[] = [];
  let offset = checksumBytes;
  const entries = Object.entries(files).map(([name, content], index) => {
    const packed = index % 2 === 0 ? deflateSync(content) : Buffer.from(content);
    const encoding = index % 2 === 0 ? "application/x-gzip" : "application/octet-stream";
    heap.push(packed);
    const xml = `<file id="${index + 1}"><data><length>${packed.length}</length><offset>${offset}</offset><size>${content.length}</size><encoding style="${encoding}"/><extracted-checksum style="sha1">${sha1(content)}</extracted-checksum><archived-checksum style="sha1">${sha1(packed)}</archived-checksum></data><type>file</type><mode>0644</mode><name>${name}</name></file>`;
    offset += packed.length;
    return xml;
  });
  const xml = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc><checksum style="${style}"><offset>0</offset><size>${checksumBytes}</size></checksum><creation-time>2026-06-01T12:00:00</creation-time>${options.extraXml ?? ""}${entries.join("")}</toc></xar>`,
  );
  const toc = deflateSync(xml);
  const header = Buffer.alloc(28);
  header.write("xar!", 0, "latin1");
  header.writeUInt16BE(28, 4);
  header.writeUInt16BE(1, 6);
  header.writeBigUInt64BE(BigInt(toc.length), 8);
  header.writeBigUInt64BE(BigInt(xml.length), 16);
  header.writeUInt32BE(CHECKSUM_NUMBERS[style], 24);
  return Buffer.concat([header, toc, createHash(style).update(toc).digest(), ...heap]);
}

function sha1(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex");
}
