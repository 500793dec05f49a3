/** The thread in which `compress-run.ts` has a run compressed by LZMA. Data: the run; message: an `XzAnswer`. */
import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../../../runtime/base/errors.ts";
import { encodeXz } from "../../../formats/xz-codec.ts";
import type { XzAnswer } from "./compress-run.ts";

// The one sender is `compressRun`.
const bytes = workerData as Uint8Array;
parentPort?.postMessage(await answer());

async function answer(): Promise<XzAnswer> {
  try {
    return { bytes: await encodeXz(bytes) };
  } catch (error) {
    return { failure: messageOf(error) };
  }
}
