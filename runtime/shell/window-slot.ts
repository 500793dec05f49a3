/** What the window's thread and its worker share: one block of memory that says where the window is. */
import type { Pointer } from "bun:ffi";
import type { MessagePort } from "node:worker_threads";

/** 0: whether the window exists (as Int32). 8 and 16: its handle and callback (as Float64). */
export type WindowSlot = SharedArrayBuffer;

/** What the worker is started with. */
export interface WorkerStart {
  readonly library: string;
  readonly slot: WindowSlot;
  readonly commands: MessagePort;
}

export function newWindowSlot(): WindowSlot {
  return new SharedArrayBuffer(24);
}

/** Window thread: the window exists and `callback` runs when dispatched to. */
export function announceWindow(slot: WindowSlot, handle: Pointer, callback: Pointer): void {
  new Float64Array(slot, 8).set([handle, callback]);
  const exists = new Int32Array(slot, 0, 1);
  Atomics.store(exists, 0, 1);
  Atomics.notify(exists, 0);
}

/** Worker: blocks until the window exists. */
export function awaitWindow(slot: WindowSlot): { readonly handle: Pointer; readonly callback: Pointer } {
  Atomics.wait(new Int32Array(slot, 0, 1), 0, 0);
  const [handle, callback] = new Float64Array(slot, 8);
  return { handle: handle as Pointer, callback: callback as Pointer };
}
