/** Readers of .icns and .ico for tests, written from the formats' descriptions and not from our writers. */

export interface IcnsEntry {
  readonly type: string;
  readonly body: Buffer;
}

export function readIcns(file: Buffer): readonly IcnsEntry[] {
  if (file.toString("latin1", 0, 4) !== "icns") throw new Error("no icns magic");
  if (file.readUInt32BE(4) !== file.length) throw new Error("the length of the file is wrong");
  const entries: IcnsEntry[] = [];
  for (let at = 8; at < file.length;) {
    const length = file.readUInt32BE(at + 4);
    if (length < 8 || at + length > file.length) throw new Error(`a block at ${at} has length ${length}`);
    entries.push({ type: file.toString("latin1", at, at + 4), body: file.subarray(at + 8, at + length) });
    at += length;
  }
  return entries;
}

/** The four planes (alpha, red, green, blue) of an `ic04` or `ic05` body, one after another. */
export function unpackArgb(body: Buffer): Buffer {
  if (body.toString("latin1", 0, 4) !== "ARGB") throw new Error("no ARGB magic");
  const planes: Buffer[] = [];
  for (let at = 4; at < body.length;) {
    const head = body.readUInt8(at);
    if (head < 0x80) {
      planes.push(body.subarray(at + 1, at + 2 + head));
      at += 2 + head;
    } else {
      planes.push(Buffer.alloc(head - 125, body.readUInt8(at + 1)));
      at += 2;
    }
  }
  return Buffer.concat(planes);
}

export interface IcoEntry {
  readonly width: number;
  readonly height: number;
  readonly bitsPerPixel: number;
  readonly body: Buffer;
}

export function readIco(file: Buffer): readonly IcoEntry[] {
  if (file.readUInt32LE(0) !== 0x0001_0000) throw new Error("no ico magic");
  return Array.from({ length: file.readUInt16LE(4) }, (_, index) => {
    const at = 6 + index * 16;
    const [length, offset] = [file.readUInt32LE(at + 8), file.readUInt32LE(at + 12)];
    if (offset + length > file.length) throw new Error(`picture ${index} lies outside of the file`);
    return {
      width: file.readUInt8(at) || 256,
      height: file.readUInt8(at + 1) || 256,
      bitsPerPixel: file.readUInt16LE(at + 6),
      body: file.subarray(offset, offset + length),
    };
  });
}
