/** Metadata of squashfs: a stream of bytes cut into blocks of 8 KiB, each behind 2 bytes of length and flag. */

const METADATA_BYTES = 8192;
/** In a block's length: it is stored as it is. */
const METADATA_STORED = 0x8000;

/** Where something lies in a metadata table. */
export interface MetadataPlace {
  /** Offset of its block from the table's start, in the file. */
  readonly block: number;
  /** In the block's content. */
  readonly offset: number;
}

export interface MetadataStream {
  /** Where the next byte will lie. */
  place(): MetadataPlace;
  write(bytes: Uint8Array): void;
  /** The table as it lies in the file. */
  encode(): Buffer;
}

/** A metadata table in the making; what is written may cross blocks. */
export function metadataStream(): MetadataStream {
  const written: Uint8Array[] = [];
  let length = 0;
  return {
    place: () => ({
      block: Math.floor(length / METADATA_BYTES) * (METADATA_BYTES + 2),
      offset: length % METADATA_BYTES,
    }),
    write(bytes) {
      written.push(bytes);
      length += bytes.length;
    },
    encode() {
      const content = Buffer.concat(written);
      const blocks: Buffer[] = [];
      for (let at = 0; at < content.length; at += METADATA_BYTES) {
        const block = content.subarray(at, at + METADATA_BYTES);
        const head = Buffer.alloc(2);
        head.writeUInt16LE(block.length | METADATA_STORED);
        blocks.push(head, block);
      }
      return Buffer.concat(blocks);
    },
  };
}
