/** A folder's listing in squashfs: names in order, in runs behind a header that says where their inodes lie. */
import type { MetadataPlace } from "./squashfs-metadata.ts";

/** Types of basic inodes, which is also how a listing names extended ones. */
export const SQUASHFS_TYPES = { folder: 1, file: 2, link: 3 } as const;

export interface ListedName {
  readonly name: Uint8Array;
  /** The inode's number. */
  readonly number: number;
  readonly inode: MetadataPlace;
  readonly type: number;
}

const MAX_RUN = 256;
const MAX_INT16 = 0x7fff;

/** The listing of a folder; `names` are in the order of their bytes. */
export function directoryListing(names: readonly ListedName[]): Buffer {
  const runs: ListedName[][] = [];
  for (const name of names) {
    const run = runs.at(-1);
    const first = run?.[0];
    const isNext =
      run !== undefined &&
      first !== undefined &&
      run.length < MAX_RUN &&
      first.inode.block === name.inode.block &&
      Math.abs(name.number - first.number) <= MAX_INT16;
    if (isNext) run.push(name);
    else runs.push([name]);
  }
  return Buffer.concat(runs.flatMap((run) => [runHead(run), ...run.map((name) => listed(name, run[0]?.number ?? 0))]));
}

function runHead(run: readonly ListedName[]): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(run.length - 1, 0);
  head.writeUInt32LE(run[0]?.inode.block ?? 0, 4);
  head.writeUInt32LE(run[0]?.number ?? 0, 8);
  return head;
}

function listed({ name, number, inode, type }: ListedName, base: number): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(inode.offset, 0);
  head.writeInt16LE(number - base, 2);
  head.writeUInt16LE(type, 4);
  head.writeUInt16LE(name.length - 1, 6);
  return Buffer.concat([head, name]);
}
