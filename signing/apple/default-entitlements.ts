/** Entitlements for those who give none: what a JavaScript runtime needs to start, and nothing for other programs. */
import { type ByteRange, subRange, withFileRange } from "../../build/formats/byte-range.ts";
import { type Entitlements, RUNTIME_ENTITLEMENTS } from "./entitlements.ts";
import { readFat } from "./fat.ts";
import { engineOf } from "./js-engine.ts";
import { readMachO } from "./mach-o.ts";

/** The entitlements of the runtime that a file is built on, told from its first slice; undefined for other code. */
export async function defaultEntitlements(path: string): Promise<Entitlements | undefined> {
  return withFileRange(path, async (range) => {
    const engine = engineOf(await readMachO(await firstSlice(range)));
    return engine && RUNTIME_ENTITLEMENTS[engine];
  });
}

async function firstSlice(range: ByteRange): Promise<ByteRange> {
  const [slice] = (await readFat(range)) ?? [];
  return slice === undefined ? range : subRange(range, slice.offset, slice.size);
}
