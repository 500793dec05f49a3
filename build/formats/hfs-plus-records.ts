/**
 * The records of an HFS Plus catalog and the forks and dates in them. Technical
 * Note TN1150, "Catalog File"; `HFSPlusCatalogFolder`, `HFSPlusCatalogFile`,
 * `HFSPlusCatalogThread`, `HFSPlusForkData`. Big endian.
 */

/** A contiguous run of allocation blocks; none of a fork here has more than one. */
export interface Extent {
  readonly startBlock: number;
  readonly blocks: number;
}

export interface Fork extends Extent {
  readonly bytes: number;
  /** By how many bytes it would grow; 0 for a file's. */
  readonly clumpBytes?: number;
}

/** CNIDs below are the volume's own. */
export const FIRST_USER_CNID = 16;
export const ROOT_PARENT_CNID = 1;
export const ROOT_CNID = 2;

export const FINDER_FLAG = { hasCustomIcon: 0x0400, isInvisible: 0x4000 } as const;

export const FORK_BYTES = 80;
const FOLDER_BYTES = 88;
const FILE_BYTES = 248;
const RECORD = { folder: 1, file: 2, folderThread: 3, fileThread: 4 } as const;
const THREAD_EXISTS = 0x0002;

/** "Unknown": whoever mounts the volume counts as the owner. */
const UNKNOWN_OWNER = 99;

const EPOCH_1904_SECONDS = 2_082_844_800;

/** Seconds since 1904 in UTC. */
export function hfsPlusDate(date: Date): number {
  return Math.floor(date.getTime() / 1000) + EPOCH_1904_SECONDS;
}

export interface CatalogItem {
  readonly cnid: number;
  readonly date: number;
  /** Unix mode with the file type. */
  readonly mode: number;
  readonly finderFlags: number;
}

export interface CatalogFolder extends CatalogItem {
  /** How many items it holds. */
  readonly valence: number;
}

export interface CatalogFile extends CatalogItem {
  /** Four letters each, or four zero bytes. */
  readonly type: string;
  readonly creator: string;
  readonly dataFork: Fork;
}

/** `HFSPlusCatalogKey`, with the length that precedes it. */
export function encodeCatalogKey(parentCnid: number, name: string): Buffer {
  const key = Buffer.alloc(8 + 2 * name.length);
  key.writeUInt16BE(key.length - 2, 0);
  key.writeUInt32BE(parentCnid, 2);
  writeName(key, 6, name);
  return key;
}

/** From an item back to its parent and name. */
export function encodeThread(kind: "folder" | "file", parentCnid: number, name: string): Buffer {
  const record = Buffer.alloc(10 + 2 * name.length);
  record.writeUInt16BE(kind === "folder" ? RECORD.folderThread : RECORD.fileThread, 0);
  record.writeUInt32BE(parentCnid, 4);
  writeName(record, 8, name);
  return record;
}

export function encodeFolder(folder: CatalogFolder): Buffer {
  const record = Buffer.alloc(FOLDER_BYTES);
  record.writeUInt16BE(RECORD.folder, 0);
  record.writeUInt32BE(folder.valence, 4);
  writeCommon(record, folder);
  return record;
}

export function encodeFile(file: CatalogFile): Buffer {
  const record = Buffer.alloc(FILE_BYTES);
  record.writeUInt16BE(RECORD.file, 0);
  record.writeUInt16BE(THREAD_EXISTS, 2);
  writeCommon(record, file);
  record.write(file.type, 48, 4, "latin1");
  record.write(file.creator, 52, 4, "latin1");
  encodeFork(file.dataFork).copy(record, 88);
  return record;
}

/** `HFSPlusForkData`: sizes and eight extents, of which the first is used. */
export function encodeFork({ bytes, clumpBytes = 0, startBlock, blocks }: Fork): Buffer {
  const fork = Buffer.alloc(FORK_BYTES);
  fork.writeBigUInt64BE(BigInt(bytes), 0);
  fork.writeUInt32BE(clumpBytes, 8);
  fork.writeUInt32BE(blocks, 12);
  if (blocks > 0) {
    fork.writeUInt32BE(startBlock, 16);
    fork.writeUInt32BE(blocks, 20);
  }
  return fork;
}

/** What folders and files have in the same places: CNID, dates, permissions, the Finder's flags. */
function writeCommon(record: Buffer, { cnid, date, mode, finderFlags }: CatalogItem): void {
  record.writeUInt32BE(cnid, 8);
  // Created, content changed, attributes changed, accessed; the fifth is the backup, which was never made.
  for (const at of [12, 16, 20, 24]) record.writeUInt32BE(date, at);
  record.writeUInt32BE(UNKNOWN_OWNER, 32);
  record.writeUInt32BE(UNKNOWN_OWNER, 36);
  record.writeUInt16BE(mode, 42);
  record.writeUInt16BE(finderFlags, 56);
}

function writeName(target: Buffer, at: number, name: string): void {
  target.writeUInt16BE(name.length, at);
  for (let unit = 0; unit < name.length; unit += 1) target.writeUInt16BE(name.charCodeAt(unit), at + 2 + 2 * unit);
}
