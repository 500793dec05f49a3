/**
 * One icon in many sizes, by resvg compiled to WebAssembly: the same bytes on
 * every host, no native addon, no fonts, no network. It runs in a thread of
 * its own (`icon-worker.ts`), because a panic of resvg poisons the instance
 * that it happens in and a hostile picture may keep it busy for ever.
 */
import { readFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { Worker } from "node:worker_threads";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";
import type { Picture } from "../formats/picture.ts";
import type { IconSource } from "./icon-source.ts";

const PACKAGE = "@resvg/resvg-wasm";

const TIMEOUT_MS = 30_000;

export interface RenderRequest {
  readonly source: IconSource;
  /** Pixels a side, or of width. */
  readonly sizes: readonly number[];
  /** For an SVG that is not square. */
  readonly heightPerWidth?: number;
}

/** Part of the stage's cache key: another renderer, other bytes. `@resvg/resvg-wasm 2.6.2`. */
export async function rendererVersion(): Promise<string> {
  const path = findPackageJSON(PACKAGE, import.meta.url);
  if (path === undefined) throw new Error(`${PACKAGE} is not installed`);
  const { version } = JSON.parse(await readFile(path, "utf8")) as { readonly version: string };
  return `${PACKAGE} ${version}`;
}

/** What the worker answers: pictures in the order of the sizes, or why there are none. */
export type RenderAnswer = { readonly pictures: readonly Picture[] } | { readonly failure: string };

export interface RenderOptions {
  readonly timeoutMs?: number;
  /** Aborting ends the thread and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The pictures, in the order of the sizes. Throws `ICON_RENDER` when resvg refuses, crashes or takes longer than `timeoutMs`. */
export async function renderIcon(request: RenderRequest, options: RenderOptions = {}): Promise<readonly Picture[]> {
  const { signal, timeoutMs = TIMEOUT_MS } = options;
  signal?.throwIfAborted();
  const worker = new Worker(new URL("./icon-worker.ts", import.meta.url), {
    workerData: request,
    // The parent's own flags (a test runner's loader, say) are none of the worker's business.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 512 },
  });
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    const answer = await new Promise<RenderAnswer>((resolve, reject) => {
      onAbort = () => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort);
      timer = setTimeout(() => resolve({ failure: `it took longer than ${timeoutMs / 1000} s` }), timeoutMs);
      worker.once("message", resolve);
      worker.once("error", (error) => resolve({ failure: messageOf(error) }));
      worker.once("exit", (code) => resolve({ failure: `the renderer ended with ${code}` }));
    });
    if ("pictures" in answer) return answer.pictures;
    throw new ErthError({
      code: "ICON_RENDER",
      message: `The icon cannot be rendered: ${answer.failure}.`,
      remedy: "simplify the SVG (filters, patterns), or export it as a PNG of 1024 pixels and set app.icon to that",
    });
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}
