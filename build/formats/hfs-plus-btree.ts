/**
 * A B-tree file of an HFS Plus volume, built in one go from sorted records.
 * Technical Note TN1150, "B-Trees": header node, leaf nodes from left to right,
 * then the index levels, the root last; every node as full as it can be.
 */
import { ErthError } from "../../runtime/base/errors.ts";

export interface BTreeShape {
  readonly nodeBytes: number;
  readonly maxKeyBytes: number;
  /** 0xCF: names compared without regard to case. */
  readonly keyCompareType: number;
  /** Whether keys in index nodes are as long as they are; otherwise all have the longest length. */
  readonly hasVariableIndexKeys: boolean;
}

export interface BTreeRecord {
  /** With the two bytes of its length. */
  readonly key: Buffer;
  readonly data: Buffer;
}

const DESCRIPTOR_BYTES = 14;
const HEADER_RECORD_BYTES = 106;
const USER_RECORD_BYTES = 128;
const OFFSET_BYTES = 2;
const NODE_KIND = { leaf: -1, index: 0, header: 1 } as const;
const BIG_KEYS = 2;
const VARIABLE_INDEX_KEYS = 4;

interface Node {
  readonly records: readonly Buffer[];
  readonly firstKey: Buffer;
}

/** The whole file. Throws `DMG_TOO_LARGE` where the header's map cannot name all nodes (some 500 MB of them). */
export function encodeBTree(shape: BTreeShape, records: readonly BTreeRecord[]): Buffer {
  // 1. Leaf nodes, then one level of index nodes above another until there is one node.
  const levels: (readonly Node[])[] = [];
  if (records.length > 0) {
    levels.push(
      fill(
        shape,
        records.map(({ key, data }) => ({ record: Buffer.concat([key, data]), key })),
      ),
    );
  }
  const firstOfLevel = [1];
  for (let below = levels.at(-1); below && below.length > 1; below = levels.at(-1)) {
    const first = firstOfLevel.at(-1) ?? 1;
    firstOfLevel.push(first + below.length);
    const pointers = below.map(({ firstKey }, at) => ({ record: pointerTo(firstKey, first + at), key: firstKey }));
    levels.push(fill(shape, pointers));
  }
  const nodes = 1 + levels.reduce((sum, level) => sum + level.length, 0);
  const mapBytes = shape.nodeBytes - DESCRIPTOR_BYTES - HEADER_RECORD_BYTES - USER_RECORD_BYTES - 4 * OFFSET_BYTES;
  if (nodes > mapBytes * 8) {
    throw new ErthError({
      code: "DMG_TOO_LARGE",
      message: `the app has so many files that their catalog needs ${nodes} nodes; a disk image may have ${mapBytes * 8}.`,
      remedy: "pack files that belong together into archives, then erth package",
    });
  }

  // 2. The header node: where everything is, and which nodes are in use (all).
  const header = Buffer.alloc(HEADER_RECORD_BYTES);
  header.writeUInt16BE(levels.length, 0);
  header.writeUInt32BE(levels.length === 0 ? 0 : nodes - 1, 2);
  header.writeUInt32BE(records.length, 6);
  header.writeUInt32BE(levels.length === 0 ? 0 : 1, 10);
  header.writeUInt32BE(levels[0]?.length ?? 0, 14);
  header.writeUInt16BE(shape.nodeBytes, 18);
  header.writeUInt16BE(shape.maxKeyBytes, 20);
  header.writeUInt32BE(nodes, 22);
  header.writeUInt32BE(shape.nodeBytes, 32);
  header.writeUInt8(shape.keyCompareType, 37);
  header.writeUInt32BE(BIG_KEYS | (shape.hasVariableIndexKeys ? VARIABLE_INDEX_KEYS : 0), 38);
  const map = Buffer.alloc(mapBytes);
  for (let node = 0; node < nodes; node += 1) map[node >> 3] = (map[node >> 3] ?? 0) | (0x80 >> (node & 7));

  // 3. All nodes, each linked to its neighbours on the same level.
  const file = Buffer.alloc(nodes * shape.nodeBytes);
  writeNode(file, shape, {
    number: 0,
    kind: NODE_KIND.header,
    height: 0,
    before: 0,
    after: 0,
    records: [header, Buffer.alloc(USER_RECORD_BYTES), map],
  });
  for (const [level, members] of levels.entries()) {
    const first = firstOfLevel[level] ?? 1;
    for (const [at, { records: own }] of members.entries()) {
      writeNode(file, shape, {
        number: first + at,
        kind: level === 0 ? NODE_KIND.leaf : NODE_KIND.index,
        height: level + 1,
        before: at === 0 ? 0 : first + at - 1,
        after: at === members.length - 1 ? 0 : first + at + 1,
        records: own,
      });
    }
  }
  return file;
}

interface Keyed {
  readonly record: Buffer;
  readonly key: Buffer;
}

function fill(shape: BTreeShape, records: readonly Keyed[]): readonly Node[] {
  const capacity = shape.nodeBytes - DESCRIPTOR_BYTES - OFFSET_BYTES;
  const nodes: { records: Buffer[]; firstKey: Buffer }[] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const { record, key } of records) {
    if (used + record.length + OFFSET_BYTES > capacity) {
      nodes.push({ records: [], firstKey: key });
      used = 0;
    }
    nodes.at(-1)?.records.push(record);
    used += record.length + OFFSET_BYTES;
  }
  return nodes;
}

function pointerTo(key: Buffer, node: number): Buffer {
  const record = Buffer.alloc(key.length + 4);
  key.copy(record);
  record.writeUInt32BE(node, key.length);
  return record;
}

interface PlacedNode {
  readonly number: number;
  readonly kind: number;
  readonly height: number;
  readonly before: number;
  readonly after: number;
  readonly records: readonly Buffer[];
}

/** Descriptor and records from the front, the records' offsets from the back. */
function writeNode(file: Buffer, { nodeBytes }: BTreeShape, node: PlacedNode): void {
  const bytes = file.subarray(node.number * nodeBytes, (node.number + 1) * nodeBytes);
  bytes.writeUInt32BE(node.after, 0);
  bytes.writeUInt32BE(node.before, 4);
  bytes.writeInt8(node.kind, 8);
  bytes.writeUInt8(node.height, 9);
  bytes.writeUInt16BE(node.records.length, 10);
  let at = DESCRIPTOR_BYTES;
  for (const [number, record] of node.records.entries()) {
    bytes.writeUInt16BE(at, nodeBytes - OFFSET_BYTES * (number + 1));
    record.copy(bytes, at);
    at += record.length;
  }
  bytes.writeUInt16BE(at, nodeBytes - OFFSET_BYTES * (node.records.length + 1));
}
