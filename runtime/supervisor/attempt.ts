/**
 * One life of one sidecar: spawn → handshake → first proven answer → serving
 * → gone. Every fault has a reason and leads to SIGTERM, then SIGKILL; the
 * attempt is over only when the process is, so that two never share a database.
 */
import type { AppFolders } from "../base/folders.ts";
import type { Problem } from "../base/errors.ts";
import { parseFaultLine } from "../sidecar/fault-line.ts";
import { newBootTicket, newSecret, BOOT_PATH, PROTOCOL_VERSION, type Hello } from "../sidecar/protocol.ts";
import { spawnChild, type ChildCommand } from "./child.ts";
import { createHandshake } from "./handshake.ts";
import type { LogTag } from "./log-files.ts";
import { probeHealth } from "./probe.ts";
import type { Timings } from "./timings.ts";
import { startWatchdog, type Watchdog } from "./watchdog.ts";

export interface AttemptOptions extends ChildCommand {
  readonly folders: AppFolders;
  readonly app: Hello["app"];
  readonly timings: Timings;
  readonly log: (tag: LogTag, line: string) => void;
}

export interface AttemptEvents {
  serving(): void;
  /** At most once, before `ended`: a fault was found and the process is being ended. */
  failing(reason: string): void;
  /** Once: the process is gone. */
  ended(end: { readonly reason: string; readonly hasServed: boolean }): void;
}

export interface Attempt {
  readonly pid: number | undefined;
  /** What the sidecar said on stderr about why it cannot start. */
  problems(): readonly Problem[];
  /** A fresh boot URL; undefined unless it serves. */
  newBootUrl(): string | undefined;
  /** Orderly end: stop line and SIGTERM, SIGKILL after `stopLimitMs`. `ended` follows. */
  stop(): void;
}

const FIRST_PROBE_PAUSE_MS = 50;

/** Starts a sidecar with a new secret; its port is new as well, since the child binds port 0. */
export function startAttempt(options: AttemptOptions, on: AttemptEvents): Attempt {
  const { timings, folders, app } = options;
  const secret = newSecret();
  const startedAtMs = performance.now();
  const sinceStart = (): number => Math.round(performance.now() - startedAtMs);
  const log = (tag: LogTag, line: string): void => options.log(tag, line.replaceAll(secret, "[secret]"));
  const handshake = createHandshake();
  let phase: "starting" | "proving" | "serving" | "failing" | "stopping" | "ended" = "starting";
  let hasServed = false;
  let port = 0;
  let problems: readonly Problem[] = [];
  let fault: string | undefined;
  let watchdog: Watchdog | undefined;
  let killTimer: NodeJS.Timeout | undefined;

  const isUp = (): boolean => phase === "starting" || phase === "proving" || phase === "serving";
  const killAfter = (ms: number): void => {
    clearTimeout(deadline);
    watchdog?.stop();
    clearTimeout(killTimer);
    killTimer = setTimeout(() => child.kill(), ms);
  };
  const condemn = (reason: string): void => {
    if (!isUp()) return;
    phase = "failing";
    fault = reason;
    killAfter(timings.killAfterMs);
    child.terminate();
    on.failing(reason);
  };
  const prove = async (): Promise<void> => {
    const health = await probeHealth(port, secret, timings.probeTimeoutMs);
    if (phase !== "proving") return;
    if (health === "alive") return serve();
    if (health === "stranger") return condemn(`port ${port} answers without knowing the secret`);
    // Silent: it may need a moment more; `deadline` ends the waiting.
    setTimeout(() => void (phase === "proving" && prove()), FIRST_PROBE_PAUSE_MS);
  };
  const serve = (): void => {
    phase = "serving";
    hasServed = true;
    clearTimeout(deadline);
    log("app", `sidecar ${child.pid} serves on port ${port} after ${sinceStart()} ms`);
    watchdog = startWatchdog(timings, () => probeHealth(port, secret, timings.probeTimeoutMs), condemn);
    on.serving();
  };

  const deadline = setTimeout(() => {
    const what = phase === "starting" ? "did not shake hands" : `did not answer on port ${port}`;
    condemn(`the sidecar ${what} within ${timings.handshakeMs} ms`);
  }, timings.handshakeMs);
  const hello: Hello = { v: PROTOCOL_VERSION, secret, dataFolder: folders.data, cacheFolder: folders.cache, app };
  const child = spawnChild(options, hello, {
    line: (stream, line) => {
      const said = stream === "err" ? parseFaultLine(line) : undefined;
      if (said === undefined) return log(stream, line);
      problems = said;
      for (const { code, message, remedy } of said) log(stream, `error[${code}] ${message} do: ${remedy}`);
    },
    control: (chunk) => {
      const step = handshake.push(chunk);
      if (step.kind === "fault") return condemn(step.reason.replaceAll(secret, "[secret]"));
      if (step.kind !== "ready" || phase !== "starting") return;
      phase = "proving";
      port = step.ready.port;
      void prove();
    },
    ended: (reason) => {
      clearTimeout(deadline);
      clearTimeout(killTimer);
      watchdog?.stop();
      phase = "ended";
      log("app", `${reason}, ${sinceStart()} ms after its start`);
      on.ended({ reason: fault ?? reason, hasServed });
    },
  });
  log("app", `sidecar ${child.pid ?? "(none)"} started`);

  return {
    pid: child.pid,
    problems: () => problems,
    newBootUrl: () =>
      phase === "serving" ? `http://127.0.0.1:${port}${BOOT_PATH}${newBootTicket(secret, Date.now())}` : undefined,
    stop: () => {
      if (phase === "ended" || phase === "stopping") return;
      phase = "stopping";
      killAfter(timings.stopLimitMs);
      child.askToStop();
    },
  };
}
