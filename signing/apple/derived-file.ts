/** A file made from another one: its bytes streamed, with something put between or behind them. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { systemCode } from "../../runtime/base/errors.ts";
import { fileChanged } from "../../build/formats/byte-range.ts";
import { writeWholeOutput } from "./whole-output.ts";

export interface DerivedFile {
  append(bytes: Uint8Array): Promise<void>;
  /** Appends a part of the source. */
  appendSource(offset: number, length: number): Promise<void>;
}

const COPY_CHUNK_BYTES = 1 << 20;

/** Writes `output` with the permissions of `source`; nothing is left on an error. The two may not be one file. */
export async function writeDerivedFile(
  output: string,
  source: string,
  write: (file: DerivedFile) => Promise<void>,
): Promise<void> {
  await refuseSameFile(output, source);
  const { mode } = await stat(source);
  await writeWholeOutput(output, { mode: mode & 0o777 }, async (handle) => {
    // Writes all of it; FileHandle.write may not.
    const append = (bytes: Uint8Array): Promise<void> => handle.writeFile(bytes);
    const appendSource = async (offset: number, length: number): Promise<void> => {
      for await (const chunk of chunksOf(source, offset, length)) await append(chunk);
    };
    await write({ append, appendSource });
  });
}

/** The SHA-256 of a part of a file, streamed. Throws `FILE_CHANGED`. */
export async function sha256OfFile(path: string, offset: number, length: number): Promise<Buffer> {
  const hash = createHash("sha256");
  for await (const chunk of chunksOf(path, offset, length)) hash.update(chunk);
  return hash.digest();
}

/** A signature or a ticket makes a new artifact; writing over the old one is a caller's mistake. */
export async function refuseSameFile(output: string, source: string): Promise<void> {
  const [from, to] = await Promise.all([stat(source), statOrNothing(output)]);
  if (to !== undefined && from.dev === to.dev && from.ino === to.ino) {
    throw new Error(`${output} is the file it would be made from`);
  }
}

async function* chunksOf(path: string, offset: number, length: number): AsyncGenerator<Uint8Array> {
  if (length === 0) return;
  const range = { start: offset, end: offset + length - 1, highWaterMark: COPY_CHUNK_BYTES };
  let done = 0;
  for await (const chunk of createReadStream(path, range) as AsyncIterable<Buffer>) {
    done += chunk.length;
    yield chunk;
  }
  if (done !== length) throw fileChanged(path);
}

async function statOrNothing(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
