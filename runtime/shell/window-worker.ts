/**
 * The worker of the window process: blocks on stdin, hands commands to the
 * window's thread, and kills the process the moment stdin ends, so that no
 * window outlives its supervisor even while the page hangs.
 */
import { readSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { systemCode } from "../base/errors.ts";
import { loadDispatch, type Dispatch } from "./libwebview.ts";
import { lineSplitter } from "./window-protocol.ts";
import { awaitWindow, type WorkerStart } from "./window-slot.ts";

const { library, slot, commands }: WorkerStart = workerData;
const chunk = new Uint8Array(65_536);
const decoder = new TextDecoder();
let isFirst = true;
let dispatch: Dispatch | undefined;

const take = lineSplitter((line) => {
  if (isFirst) {
    isFirst = false;
    // The window's thread still has its event loop, so an ordinary message reaches it.
    parentPort?.postMessage(line);
    return;
  }
  const { handle, callback } = awaitWindow(slot);
  commands.postMessage(line);
  dispatch ??= loadDispatch(library);
  dispatch.webview_dispatch(handle, callback, null);
});

for (;;) {
  const length = readChunk();
  if (length === 0) process.kill(process.pid, "SIGKILL");
  take(decoder.decode(chunk.subarray(0, length), { stream: true }));
}

/** Bytes read; 0 at the end of stdin or when it fails, which both mean that the supervisor is gone. */
function readChunk(): number {
  for (;;) {
    try {
      return readSync(0, chunk);
    } catch (thrown) {
      if (systemCode(thrown) !== "EAGAIN") return 0;
      Bun.sleepSync(20);
    }
  }
}
