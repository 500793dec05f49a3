/** A world for keys without waiting, on 1 June 2026, whose environment is the test's own. */
import type { KeyWorld } from "../../build/keys/key-world.ts";
import { exec } from "../../build/tools/exec.ts";

export const NOW = new Date("2026-06-01T12:00:00Z");

export function fakeKeyWorld(env: KeyWorld["env"] = {}, change: Partial<KeyWorld> = {}): KeyWorld {
  return {
    env,
    fetch: globalThis.fetch,
    now: () => NOW,
    sleep: () => Promise.resolve(),
    random: () => 0,
    signal: new AbortController().signal,
    platform: "linux",
    exec,
    ...change,
  };
}
