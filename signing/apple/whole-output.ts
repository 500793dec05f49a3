/** A file that appears under its name only when it is whole: a temporary name, fsync, rename. */
import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

export interface OutputOptions {
  /** Permission bits of the finished file. */
  readonly mode: number;
  /** False where the caller makes a whole folder durable at its end. */
  readonly isDurable?: boolean;
}

/** A name beside the final one; a leftover is recognised by `.part`. */
export function partName(path: string): string {
  return `${path}.${process.pid}-${randomBytes(4).toString("hex")}.part`;
}

/** Lets `write` fill the file; where it throws, nothing is left and what was at `path` stays. */
export async function writeWholeOutput<Result>(
  path: string,
  { mode, isDurable = true }: OutputOptions,
  write: (handle: FileHandle) => Promise<Result>,
): Promise<Result> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = partName(path);
  try {
    const handle = await open(temporary, "wx", mode);
    let result: Result;
    try {
      result = await write(handle);
      // The mode of `open` is cut by the umask.
      await handle.chmod(mode);
      if (isDurable) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    return result;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
