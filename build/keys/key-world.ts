/** Everything impure that opening and trying keys touches, so that a test can put its own in place. */
import { setTimeout as delay } from "node:timers/promises";
import type { NotarySurroundings } from "../../signing/apple/notary/surroundings.ts";
import type { RestWorld } from "../../signing/keys/rest.ts";
import { exec, type Exec } from "../tools/exec.ts";

export interface KeyWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof fetch;
  readonly now: () => Date;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly platform: NodeJS.Platform;
  readonly exec: Exec;
  /** Stand-ins for Apple's services; its own by default. */
  readonly appleUrls?: { readonly notary: string; readonly s3: string; readonly tickets: string } | undefined;
}

/** The real world, with this environment. */
export function systemKeyWorld(env: KeyWorld["env"], signal: AbortSignal): KeyWorld {
  return {
    env,
    fetch: globalThis.fetch,
    now: () => new Date(),
    sleep: (ms, until) => delay(ms, undefined, until === undefined ? {} : { signal: until }),
    random: Math.random,
    signal,
    platform: process.platform,
    exec,
  };
}

/** How key services are asked in it. */
export function restWorldOf({ fetch, now, sleep, signal }: KeyWorld): RestWorld {
  return { fetch, now, sleep, signal, timeoutMs: 30_000, attempts: 6 };
}

/** How Apple's notary is asked in it. */
export function notarySurroundings(
  { fetch, now, sleep, random, signal }: KeyWorld,
  report: (line: string) => void,
  attempts?: number,
): NotarySurroundings {
  return {
    fetch,
    now,
    sleep: async (ms, until) => void (await sleep(ms, until)),
    random,
    signal,
    report,
    attempts,
  };
}
