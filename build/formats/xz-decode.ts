/**
 * Unpacks XZ streams (The .xz File Format 1.2.1) in memory, by 7-Zip compiled
 * to WebAssembly: no native addon, no program to start. The bytes are
 * untrusted: what the index promises is checked before anything is unpacked.
 */
import { createRequire } from "node:module";
import type { SevenZipModuleFactory } from "7z-wasm";
import { ErthError } from "../../runtime/base/errors.ts";
import { rangeOfBytes } from "./byte-range.ts";
import { readXzIndex } from "./xz.ts";

/** CommonJS, whatever its types say. */
const sevenZip = createRequire(import.meta.url)("7z-wasm") as SevenZipModuleFactory;

/** The `rawBytes` bytes that a stream holds; undefined where it is damaged, or holds more or fewer. */
export async function decodeXz(bytes: Uint8Array, rawBytes: number): Promise<Uint8Array | undefined> {
  if ((await promisedBytes(bytes)) !== rawBytes) return undefined;
  const quiet = (): void => undefined;
  const program = await sevenZip({ print: quiet, printErr: quiet });
  try {
    program.FS.writeFile("/in.xz", bytes);
    program.FS.mkdir("/out");
    const code: unknown = program.callMain(["e", "-txz", "-y", "-o/out", "/in.xz"]);
    const [name] = program.FS.readdir("/out").filter((entry) => entry !== "." && entry !== "..");
    if (code !== 0 || name === undefined) return undefined;
    const content = program.FS.readFile(`/out/${name}`);
    return content.length === rawBytes ? content : undefined;
  } catch (error) {
    // An exception of C++ arrives as a number: it could not make sense of the stream, or of its size.
    if (typeof error === "number") return undefined;
    throw error;
  }
}

/** What the stream's own index says it unpacks to; undefined where it has no sound one. */
async function promisedBytes(bytes: Uint8Array): Promise<number | undefined> {
  try {
    const { blocks } = await readXzIndex(rangeOfBytes(bytes));
    return blocks.reduce((sum, block) => sum + block.rawBytes, 0);
  } catch (error) {
    if (error instanceof ErthError) return undefined;
    throw error;
  }
}
