/**
 * Dying between two changes to the file system, without the cost of a process:
 * before the n-th change, and at every one after it, the call throws, so that
 * no clean-up reaches the disk either.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const CHANGES = [
  "openSync",
  "writeFileSync",
  "fsyncSync",
  "linkSync",
  "unlinkSync",
  "renameSync",
  "rmSync",
  "copyFileSync",
  "mkdirSync",
] as const;

class Died extends Error {}

/** Replaces every call that changes files by one that asks `onChange` first; returns the way back. */
function interceptChanges(onChange: () => void): () => void {
  const originals = CHANGES.map((name) => [name, fs[name]] as const);
  for (const [name, original] of originals) {
    const call = original as (...values: unknown[]) => unknown;
    Object.assign(fs, {
      [name]: (...values: unknown[]) => {
        onChange();
        return call(...values);
      },
    });
  }
  syncBuiltinESMExports();
  return () => {
    Object.assign(fs, Object.fromEntries(originals));
    syncBuiltinESMExports();
  };
}

/** Kills this process with SIGKILL before its `last`-th change. */
export function killAtStep(last: number): void {
  let step = 0;
  interceptChanges(() => {
    if (++step === last) process.kill(process.pid, "SIGKILL");
  });
}

/** Runs `work` up to the `last`-th change; whether it came to its end before that. */
export function dieAtStep(last: number, work: () => void): boolean {
  let step = 0;
  const restore = interceptChanges(() => {
    if (++step >= last) throw new Died();
  });
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof Died) return false;
    throw error;
  } finally {
    restore();
  }
}
