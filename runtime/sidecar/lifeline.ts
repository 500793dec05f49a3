/**
 * The lifeline: a thread that watches stdin and kills its own process when
 * the parent's end closes, even while the main thread is stuck. Its source is
 * a string, so that it works inside a single executable that has no files.
 */
import { Worker } from "node:worker_threads";
import { STOP_LINE } from "./protocol.ts";

const common = `
const { parentPort } = process.getBuiltinModule("node:worker_threads");
const die = () => process.kill(process.pid, "SIGKILL");
let tail = "";
const take = (text) => {
  const lines = (tail + text).split("\\n");
  tail = lines.pop().slice(-64);
  if (lines.includes(${JSON.stringify(STOP_LINE)})) parentPort.postMessage("stop");
};
`;

// Node joins its threads at exit and would wait for one in a blocking read, so
// here the thread waits in its own event loop.
const onNode = `${common}
const { Socket } = process.getBuiltinModule("node:net");
const stdin = new Socket({ fd: 0, readable: true, writable: false });
stdin.setEncoding("utf8").on("data", take).on("error", die).on("close", die);
`;

// Bun's sockets do not see the end of an inherited stdin; its exit does not
// wait for a thread in a blocking read.
const onBun = `${common}
const { readSync } = process.getBuiltinModule("node:fs");
const bytes = Buffer.alloc(4096);
for (;;) {
  let count = 0;
  try {
    count = readSync(0, bytes, 0, bytes.length, null);
  } catch (error) {
    if (error.code === "EAGAIN") {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      continue;
    }
  }
  if (count === 0) die();
  take(bytes.toString("latin1", 0, count));
}
`;

/** Starts the thread; `onStop` is called at most once, when the parent writes the stop line. A thread that cannot run ends the process. */
export function holdLifeline(onStop: () => void): void {
  const worker = new Worker(typeof Bun === "undefined" ? onNode : onBun, { eval: true });
  worker.once("message", onStop);
  // Without its lifeline a sidecar could outlive its parent: better to crash and be started again.
  worker.on("error", (error) => {
    throw error;
  });
  worker.unref();
}
