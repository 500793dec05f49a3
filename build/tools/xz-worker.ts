/** The thread in which `xz.ts` runs 7-Zip. Data: an `XzRequest`; message: an `XzAnswer`. */
import { chmod, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { SevenZipModuleFactory } from "7z-wasm";
import { messageOf } from "../../runtime/base/errors.ts";
import type { XzAnswer, XzRequest } from "./xz.ts";

/** CommonJS, whatever its types say. */
const sevenZip = createRequire(import.meta.url)("7z-wasm") as SevenZipModuleFactory;

// The one sender is `encodeXz`.
const request = workerData as XzRequest;
parentPort?.postMessage(await answer(request));

async function answer({ input, output, filter, dictionaryBytes }: XzRequest): Promise<XzAnswer> {
  const written = `${output}.xz`;
  const said: string[] = [];
  try {
    // 7-Zip would add to what it finds.
    await rm(written, { force: true });
    const program = await sevenZip({
      print: () => undefined,
      printErr: (line) => said.push(line.trim()),
    });
    for (const [point, folder] of [
      ["/from", dirname(input)],
      ["/to", dirname(output)],
    ] as const) {
      program.FS.mkdir(point);
      program.FS.mount(program.NODEFS, { root: folder }, point);
    }
    const method = ["-mx=9", "-mmt=1", `-m0=lzma2:d=${dictionaryBytes}b`, ...(filter === "x86" ? ["-mf=BCJ"] : [])];
    const code: unknown = program.callMain([
      "a",
      "-txz",
      ...method,
      `/to/${basename(written)}`,
      `/from/${basename(input)}`,
    ]);
    if (code !== 0)
      return { failure: said.filter((line) => line !== "").join(" ") || `7-Zip ended with ${String(code)}` };
    // What it makes would be everybody's to write.
    await chmod(written, 0o644);
    await rename(written, output);
    return { failure: undefined };
  } catch (error) {
    // An exception of C++ arrives as a number; it is memory in practice.
    return { failure: typeof error === "number" ? "7-Zip gave up" : messageOf(error) };
  }
}
