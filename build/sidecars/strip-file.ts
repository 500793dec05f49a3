/** Strips programs on disk (`formats/elf-strip.ts`, `formats/mach-o-strip.ts`) without holding them in memory. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { copyFile, stat, truncate } from "node:fs/promises";
import { formatSize } from "../config/size.ts";
import { planElfStrip, type ByteSource } from "../formats/elf-strip.ts";
import { planMachOStrip } from "../formats/mach-o-strip.ts";

interface StripPlan {
  readonly header: Uint8Array;
  readonly keepBytes: number;
  readonly tail: Uint8Array;
}

/** Writes a stripped copy of `from` to `to`, with its mode. Throws as `planElfStrip` does, before anything is written. */
export async function stripElf(from: string, to: string): Promise<void> {
  await strip(from, to, withSource(from, planElfStrip));
}

/** The same for a thin Mach-O file, whose signature goes too. Throws as `planMachOStrip` does. */
export async function stripMachO(from: string, to: string): Promise<void> {
  await strip(from, to, withSource(from, planMachOStrip));
}

/** `Node 26.10.0: 149.7 MB stripped to 116.4 MB`; undefined where nothing was gained. */
export async function savingOf(name: string, from: string, to: string): Promise<string | undefined> {
  const [before, after] = await Promise.all([stat(from), stat(to)]);
  if (after.size >= before.size) return undefined;
  return `${name}: ${formatSize(before.size)} stripped to ${formatSize(after.size)}`;
}

async function strip(from: string, to: string, plan: StripPlan): Promise<void> {
  await copyFile(from, to);
  await truncate(to, plan.keepBytes);
  const file = openSync(to, "r+");
  try {
    writeWholly(file, plan.header, 0);
    writeWholly(file, plan.tail, plan.keepBytes);
  } finally {
    closeSync(file);
  }
}

function withSource<Result>(path: string, work: (source: ByteSource) => Result): Result {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    return work({
      size,
      read(offset, length) {
        const bytes = new Uint8Array(length);
        let done = 0;
        while (done < length) {
          const count = readSync(file, bytes, done, length - done, offset + done);
          if (count === 0) throw new Error(`${path} became shorter while it was read`);
          done += count;
        }
        return bytes;
      },
    });
  } finally {
    closeSync(file);
  }
}

function writeWholly(file: number, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}
