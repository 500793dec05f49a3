/** Compound files made for tests: a tree of names, with content for streams. */
import type { CompoundEntry } from "../../build/formats/compound-file.ts";
import { writeCompoundFile } from "../../build/formats/compound-file-writer.ts";

/** Content of a stream, or what is in a storage. */
export interface Storage {
  readonly [name: string]: Uint8Array | Storage;
}

export interface CompoundFacts {
  readonly sectorBytes?: 512 | 4096;
  /** Of the root, 16 bytes. */
  readonly classId?: Uint8Array;
}

const TIME = Buffer.from("0080e1a3c8d3db01", "hex");

/** The bytes of a compound file. */
export async function compoundFile(content: Storage, facts: CompoundFacts = {}): Promise<Buffer> {
  const { sectorBytes = 512, classId = new Uint8Array(16) } = facts;
  const streams = new Map<CompoundEntry, Uint8Array>();
  const entryOf = (name: string, value: Uint8Array | Storage): CompoundEntry => {
    const isStream = value instanceof Uint8Array;
    const entry: CompoundEntry = {
      kind: isStream ? "stream" : "storage",
      name,
      nameBytes: Buffer.from(name, "utf16le"),
      classId: new Uint8Array(16).fill(isStream ? 0 : 7),
      stateBits: new Uint8Array(4),
      createdAt: isStream ? new Uint8Array(8) : TIME,
      modifiedAt: isStream ? new Uint8Array(8) : TIME,
      bytes: isStream ? value.length : 0,
      children: isStream ? [] : Object.entries(value).map(([child, inner]) => entryOf(child, inner)),
    };
    if (isStream) streams.set(entry, value);
    return entry;
  };
  const root: CompoundEntry = {
    ...entryOf("Root Entry", content),
    kind: "root",
    classId,
    createdAt: new Uint8Array(8),
  };
  const pieces: Uint8Array[] = [];
  await writeCompoundFile(root, {
    sectorBytes,
    async *content(stream) {
      yield streams.get(stream) ?? new Uint8Array();
    },
    write: async (bytes) => void pieces.push(bytes),
  });
  return Buffer.concat(pieces);
}
