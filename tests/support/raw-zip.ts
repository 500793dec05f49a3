/** Zips made byte by byte, so that they can lie. */
import { crc32, deflateRawSync } from "node:zlib";

export interface RawEntry {
  readonly name: string;
  readonly content?: Uint8Array;
  readonly isStored?: boolean;
  /** Unix mode with the file type. */
  readonly mode?: number;
  /** Instead of what is right, in the directory and in the local header. */
  readonly directory?: Partial<RawFields>;
  readonly local?: Partial<RawFields>;
  /** Between this entry's data and what follows. */
  readonly gap?: Uint8Array;
  /** Sizes and checksum behind the data, as streaming writers have them; with `wrong` in the last one. */
  readonly descriptor?: "right" | "wrong";
}

interface RawFields {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly offset: number;
  readonly mode: number;
}

export interface RawZip {
  readonly prefix?: Uint8Array;
  readonly comment?: string;
  readonly suffix?: Uint8Array;
  readonly count?: number;
}

export function rawZip(entries: readonly RawEntry[], { prefix, comment = "", suffix, count }: RawZip = {}): Buffer {
  const pieces: Buffer[] = [Buffer.from(prefix ?? [])];
  const records: Buffer[] = [];
  let at = pieces[0]?.length ?? 0;
  const push = (piece: Uint8Array): void => {
    pieces.push(Buffer.from(piece));
    at += piece.length;
  };
  for (const entry of entries) {
    const content = Buffer.from(entry.content ?? []);
    const data = entry.isStored || content.length === 0 ? content : deflateRawSync(content);
    const right: RawFields = {
      name: entry.name,
      flags: 0x0800 | (entry.descriptor ? 8 : 0),
      method: data === content ? 0 : 8,
      crc32: crc32(content),
      compressedBytes: data.length,
      bytes: content.length,
      offset: at,
      mode: entry.mode ?? (entry.name.endsWith("/") ? 0o040755 : 0o100644),
    };
    const blank = entry.descriptor ? { crc32: 0, compressedBytes: 0, bytes: 0 } : {};
    push(header(false, { ...right, ...blank, ...entry.local }));
    push(data);
    if (entry.descriptor) {
      const descriptor = Buffer.alloc(16);
      [0x08074b50, right.crc32, data.length, content.length + (entry.descriptor === "wrong" ? 1 : 0)].forEach(
        (value, index) => descriptor.writeUInt32LE(value, index * 4),
      );
      push(descriptor);
    }
    push(entry.gap ?? new Uint8Array());
    records.push(header(true, { ...right, ...entry.directory }));
  }
  const directory = Buffer.concat(records);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(count ?? entries.length, 8);
  end.writeUInt16LE(count ?? entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...pieces, directory, end, Buffer.from(comment), Buffer.from(suffix ?? [])]);
}

function header(isDirectory: boolean, fields: RawFields): Buffer {
  const name = Buffer.from(fields.name);
  const record = Buffer.alloc(isDirectory ? 46 : 30);
  const at = isDirectory ? 6 : 4;
  record.writeUInt32LE(isDirectory ? 0x02014b50 : 0x04034b50, 0);
  if (isDirectory) record.writeUInt16LE(0x0314, 4);
  record.writeUInt16LE(20, at);
  record.writeUInt16LE(fields.flags, at + 2);
  record.writeUInt16LE(fields.method, at + 4);
  record.writeUInt32LE(fields.crc32, at + 10);
  record.writeUInt32LE(fields.compressedBytes, at + 14);
  record.writeUInt32LE(fields.bytes, at + 18);
  record.writeUInt16LE(name.length, at + 22);
  if (isDirectory) {
    record.writeUInt32LE((fields.mode << 16) >>> 0, 38);
    record.writeUInt32LE(fields.offset, 42);
  }
  return Buffer.concat([record, name]);
}
