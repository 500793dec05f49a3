/** Cuts the CMS out of vendors' real binaries, with no code of `signing/`: only the bytes are wanted. */
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createVendor } from "../../../../build/vendor/create-vendor.ts";
import { cacheFolder } from "../../../../build/vendor/cache-folder.ts";
import { parseLock } from "../../../../build/vendor/lock.ts";

const LOCK = join(import.meta.dirname, "../../../../app/erth.lock.json");

/** Path of a file in a locked package. */
export async function vendorFile(entry: string, path: string): Promise<string> {
  const vendor = createVendor({
    lock: parseLock(await readFile(LOCK, "utf8"), LOCK),
    lockPath: LOCK,
    cacheFolder: cacheFolder(process.env),
    folders: {},
    offline: false,
    env: process.env,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  return join(await vendor.folder(entry), path);
}

export interface MachOSignature {
  readonly codeDirectory: Uint8Array;
  readonly cms: Uint8Array;
}

/** Slot 0 and slot 0x10000 of a thin, 64-bit, little-endian Mach-O. */
export async function machOSignature(path: string): Promise<MachOSignature> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(64 * 1024);
    await file.read(head, 0, head.length, 0);
    let at = 32;
    for (let left = head.readUInt32LE(16); left > 0 && head.readUInt32LE(at) !== 0x1d; left--) {
      at += head.readUInt32LE(at + 4);
    }
    const blob = Buffer.alloc(head.readUInt32LE(at + 12));
    await file.read(blob, 0, blob.length, head.readUInt32LE(at + 8));
    const slot = (wanted: number): Buffer => {
      const count = blob.readUInt32BE(8);
      const index = Array.from({ length: count }, (_, i) => 12 + i * 8).find((i) => blob.readUInt32BE(i) === wanted);
      if (index === undefined) throw new Error(`${path} has no slot ${wanted}`);
      const start = blob.readUInt32BE(index + 4);
      return blob.subarray(start, start + blob.readUInt32BE(start + 4));
    };
    return { codeDirectory: slot(0), cms: slot(0x10000).subarray(8) };
  } finally {
    await file.close();
  }
}

/** The first WIN_CERTIFICATE of a 64-bit PE. */
export async function peSignature(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(4096);
    await file.read(head, 0, head.length, 0);
    const entry = head.readUInt32LE(0x3c) + 24 + 144;
    const table = Buffer.alloc(head.readUInt32LE(entry + 4));
    await file.read(table, 0, table.length, head.readUInt32LE(entry));
    return table.subarray(8, table.readUInt32LE(0));
  } finally {
    await file.close();
  }
}
