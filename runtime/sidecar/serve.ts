/** The sidecar's main function: `protocol.ts` from the child's side, on Node and on Bun. */
import { closeSync, writeSync } from "node:fs";
import { ErthError, messageOf, systemCode } from "../base/errors.ts";
import { renderFaultLine } from "./fault-line.ts";
import { createGuard } from "./guard.ts";
import { parseHello, readHelloLine } from "./hello.ts";
import { holdLifeline } from "./lifeline.ts";
import { listenOnLoopback, type Listener } from "./listen.ts";
import { PROTOCOL_VERSION, READY_FD, type Hello, type Ready } from "./protocol.ts";

export interface SidecarContext {
  /** Private folder for the user's data, absolute; it exists. */
  readonly dataFolder: string;
  /** Private folder for files that can be made again, absolute; it exists. */
  readonly cacheFolder: string;
  readonly app: { readonly name: string; readonly identifier: string; readonly version: string };
  /** Aborts when the sidecar is asked to end: streams and long work stop here. */
  readonly signal: AbortSignal;
}

export interface SidecarApp {
  /** Sees only requests that `guard.ts` let through. */
  fetch(request: Request): Response | Promise<Response>;
  /** Called once, after `signal`; it has 2 s. */
  close?(): void | Promise<void>;
}

/** How the process ends; the supervisor only tells zero from the rest, a person reads the number. */
const EXIT = { done: 0, startFailed: 1, badHello: 64 } as const;

const CLOSE_LIMIT_MS = 2000;

interface Running {
  readonly app: SidecarApp;
  readonly listener: Listener;
}

/**
 * Runs the app until the parent asks it to end or goes away, and ends the
 * process: 0 after an orderly end, 1 if `start` threw, 64 without a Hello. An
 * `ErthError` of `start` reaches the user on the supervisor's error page.
 */
export async function serveSidecar(
  start: (context: SidecarContext) => Promise<SidecarApp> | SidecarApp,
): Promise<void> {
  let hello: Hello;
  try {
    hello = parseHello(readHelloLine());
  } catch (thrown) {
    return fail(thrown, EXIT.badHello);
  }

  const ending = new AbortController();
  const asked = new Promise<void>((resolve) => {
    holdLifeline(resolve);
    process.on("SIGTERM", () => resolve());
    process.on("SIGINT", () => resolve());
  });
  const { dataFolder, cacheFolder, app: facts, secret } = hello;
  const running = (async (): Promise<Running> => {
    const app = await start({ dataFolder, cacheFolder, app: facts, signal: ending.signal });
    const listener = await listenOnLoopback((port) =>
      createGuard({ secret, port, report }, (request) => app.fetch(request)),
    );
    return { app, listener };
  })();

  try {
    const first = await Promise.race([running, asked]);
    if (first !== undefined) sayReady({ v: PROTOCOL_VERSION, port: first.listener.port, pid: process.pid });
    await asked;
  } catch (thrown) {
    return fail(thrown, EXIT.startFailed);
  }
  ending.abort();
  const closed = close(running).then(
    () => EXIT.done,
    (thrown: unknown) => {
      report(thrown);
      return EXIT.startFailed;
    },
  );
  process.exit(await Promise.race([closed, later(CLOSE_LIMIT_MS, EXIT.done)]));
}

async function close(starting: Promise<Running>): Promise<void> {
  const { app, listener } = await starting;
  listener.stopAccepting();
  await app.close?.();
  await listener.close();
}

function sayReady(ready: Ready): void {
  try {
    writeSync(READY_FD, `${JSON.stringify(ready)}\n`);
    // A second line would be a fault, so nothing may write here by accident.
    closeSync(READY_FD);
  } catch (cause) {
    throw new ErthError({
      code: "SIDECAR_READY",
      message: `the sidecar cannot write to file descriptor ${READY_FD}: ${messageOf(cause)}.`,
      remedy: "start the app itself: the sidecar is one of its parts and is started by it",
      cause,
    });
  }
}

function fail(thrown: unknown, exitCode: number): never {
  print(thrown instanceof ErthError ? renderFaultLine(thrown) : `${describe(thrown)}\n`);
  process.exit(exitCode);
}

function report(thrown: unknown): void {
  print(`${describe(thrown)}\n`);
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

/** Writes straight to stderr: a buffered line would be lost in `process.exit`. */
function print(text: string): void {
  let rest = Buffer.from(text, "utf8");
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(2, rest));
    } catch (thrown) {
      // A full pipe empties as the parent reads; one that is gone leaves nobody to tell.
      if (systemCode(thrown) !== "EAGAIN") return;
    }
  }
}

function later<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(() => resolve(value), ms));
}
