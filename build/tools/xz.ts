/**
 * LZMA2 in .xz files, by 7-Zip compiled to WebAssembly: the same bytes on
 * every host, no native addon, nothing to install. It runs in a thread of its
 * own (`xz-worker.ts`), which it keeps busy for as long as it takes: about
 * 1 MB a second.
 */
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { Worker } from "node:worker_threads";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";

const PACKAGE = "7z-wasm";

export interface XzRequest {
  /** Absolute. */
  readonly input: string;
  /** Absolute; the finished file, one stream of one block. */
  readonly output: string;
  /** A filter that every reader of .xz files undoes by itself. */
  readonly filter: "none" | "x86";
  /** How far back a match may lie; the encoder takes about eleven times as much memory, a reader once. */
  readonly dictionaryBytes: number;
}

/** What the worker answers: nothing, or why there is no file. */
export type XzAnswer = { readonly failure: string | undefined };

/** Part of a piece's key: another encoder, other bytes. `7z-wasm 1.2.0`. */
export function xzVersion(): string {
  const path = findPackageJSON(PACKAGE, import.meta.url);
  if (path === undefined) throw new Error(`${PACKAGE} is not installed`);
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { readonly version: string };
  return `${PACKAGE} ${version}`;
}

/** Compresses a file as well as it can. Aborting ends the thread; the output's folder may then hold a part of it. */
export async function encodeXz(request: XzRequest, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const worker = new Worker(new URL("./xz-worker.ts", import.meta.url), { workerData: request, execArgv: [] });
  let onAbort: (() => void) | undefined;
  try {
    const { failure } = await new Promise<XzAnswer>((resolve, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort);
      worker.once("message", resolve);
      worker.once("error", (error) => resolve({ failure: messageOf(error) }));
      worker.once("exit", (code) => resolve({ failure: `the encoder ended with ${code}` }));
    });
    if (failure === undefined) return;
    throw new ErthError({
      code: "XZ_FAILED",
      message: `${request.input} could not be compressed: ${failure}.`,
      remedy: 'free memory and space, or set package.compression: "fast", then run the command again',
    });
  } finally {
    if (onAbort) signal.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}
