/** A bundle with one tiny arm64 Mach-O file in it that has a signature: enough to have a cdhash. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderPlist } from "../../../../../build/formats/plist.ts";
import { encodeCodeDirectory } from "../../../../../signing/apple/code-directory.ts";
import { encodeSuperBlob, SLOT } from "../../../../../signing/apple/super-blob.ts";

const TEXT_BYTES = 4096;
const HEADER_BYTES = 32 + 72 + 72 + 16;

/** A thin Mach-O whose code is `fill`; undefined signature for an unsigned one. */
export function smallMachO(fill: number, isSigned = true): Buffer {
  const directory = encodeCodeDirectory(
    {
      flags: 2,
      identifier: "dev.erth.small",
      codeLimit: TEXT_BYTES,
      pageSizeLog2: 12,
      execSegmentBase: 0,
      execSegmentLimit: TEXT_BYTES,
      execSegmentFlags: 1,
      specialHashes: new Map(),
    },
    new Uint8Array(32).fill(fill),
  );
  const signature = isSigned ? encodeSuperBlob([{ slot: SLOT.codeDirectory, bytes: directory }]) : Buffer.alloc(16);
  const file = Buffer.alloc(TEXT_BYTES + signature.length, fill);
  file.fill(0, 0, HEADER_BYTES);
  for (const [at, word] of [
    0xfeedfacf,
    0x0100000c,
    0,
    2,
    isSigned ? 3 : 2,
    HEADER_BYTES - 32 - (isSigned ? 0 : 16),
  ].entries()) {
    file.writeUInt32LE(word, at * 4);
  }
  segment(file, 32, "__TEXT", 0, TEXT_BYTES);
  segment(file, 32 + 72, "__LINKEDIT", TEXT_BYTES, signature.length);
  if (isSigned)
    for (const [at, word] of [0x1d, 16, TEXT_BYTES, signature.length].entries()) file.writeUInt32LE(word, 176 + at * 4);
  file.set(signature, TEXT_BYTES);
  return file;
}

function segment(file: Buffer, at: number, name: string, offset: number, bytes: number): void {
  file.writeUInt32LE(0x19, at);
  file.writeUInt32LE(72, at + 4);
  file.write(name, at + 8, "latin1");
  file.writeBigUInt64LE(BigInt(offset), at + 40);
  file.writeBigUInt64LE(BigInt(bytes), at + 48);
}

/** Writes `<folder>/Notes.app` and returns its path. */
export async function smallApp(folder: string, machO: Uint8Array = smallMachO(7)): Promise<string> {
  const app = join(folder, "Notes.app");
  await mkdir(join(app, "Contents", "MacOS"), { recursive: true });
  await writeFile(join(app, "Contents", "Info.plist"), renderPlist({ CFBundleExecutable: "notes" }));
  await writeFile(join(app, "Contents", "MacOS", "notes"), machO, { mode: 0o755 });
  return app;
}
