/** One run of a disk image, compressed; LZMA in a thread of its own, because it takes seconds. */
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { deflate } from "node:zlib";
import { ErthError, messageOf } from "../../../../runtime/base/errors.ts";
import { packageVersion } from "../../../tools/package-version.ts";

export type RunCodec =
  | { readonly method: "lzma" }
  | {
      readonly method: "zlib";
      /** 1 to 9. */
      readonly level: number;
    };

/** What the worker answers. */
export type XzAnswer = { readonly bytes: Uint8Array } | { readonly failure: string };

const deflated = promisify(deflate);

/** Part of a run's key: another codec, other bytes. */
export function codecVersion(codec: RunCodec): string {
  return codec.method === "lzma"
    ? packageVersion("node-liblzma")
    : `zlib ${process.versions.zlib}, level ${codec.level}`;
}

/** The compressed run. The bytes given are the callee's from then on. Aborting ends the thread. */
export async function compressRun(codec: RunCodec, bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted();
  if (codec.method === "zlib") return deflated(bytes, { level: codec.level });
  const worker = new Worker(new URL("./xz-worker.ts", import.meta.url), { workerData: bytes, execArgv: [] });
  let onAbort: (() => void) | undefined;
  try {
    const answer = await new Promise<XzAnswer>((resolve, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort);
      worker.once("message", resolve);
      worker.once("error", (error) => resolve({ failure: messageOf(error) }));
      worker.once("exit", (code) => resolve({ failure: `the encoder ended with ${code}` }));
    });
    if ("bytes" in answer) return answer.bytes;
    throw new ErthError({
      code: "DMG_COMPRESS",
      message: `A part of the disk image could not be compressed: ${answer.failure}.`,
      remedy: 'free some memory, or set package.dmg.compression: "zlib", then erth package',
    });
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}
