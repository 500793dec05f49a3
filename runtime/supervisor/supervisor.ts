/**
 * Keeps one sidecar running: start, serve, restart with backoff, and at last
 * the error page. One attempt lives at a time; `attempt.ts` has its life,
 * `breaker.ts` the decisions.
 */
import { messageOf } from "../base/errors.ts";
import type { AppFolders } from "../base/folders.ts";
import { startAttempt, type Attempt } from "./attempt.ts";
import { createBreaker } from "./breaker.ts";
import { openErrorPage, type ErrorPage } from "./error-page.ts";
import { openLogFiles, type LogTag } from "./log-files.ts";
import { defaultTimings, type Timings } from "./timings.ts";

export interface SupervisorOptions {
  /** The sidecar's executable. */
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment that the sidecar inherits. */
  readonly env?: Readonly<Record<string, string>>;
  /** They exist. */
  readonly folders: AppFolders;
  readonly app: { readonly name: string; readonly identifier: string; readonly version: string };
  readonly timings?: Partial<Timings>;
}

export interface SupervisorListeners {
  /** The sidecar serves; the URL is single use and short-lived. Called again after every restart. */
  serving(bootUrl: string): void;
  /** A sidecar failed, with the reason; a restart or the error page follows. */
  down(reason: string): void;
  /** Given up: the URL, single use, of a page with the log and a Restart button. */
  broken(errorPageUrl: string): void;
}

type SupervisorState = "idle" | "starting" | "serving" | "backing-off" | "broken" | "stopped";

export interface Supervisor {
  /** Starts the first sidecar; only the first call does anything. */
  start(): void;
  /** A fresh URL for a window: the app's, the error page's while broken, undefined in between. */
  newBootUrl(): string | undefined;
  /** Ends the sidecar in order and starts another, forgetting earlier failures. */
  restart(): void;
  /** Ends the sidecar in order, and everything else; resolves when the process is gone. Final. */
  stop(): Promise<void>;
  readonly state: SupervisorState;
  readonly sidecarPid: number | undefined;
}

/** A supervisor that has not started anything yet. */
export function createSupervisor(options: SupervisorOptions, listeners: SupervisorListeners): Supervisor {
  const timings: Timings = { ...defaultTimings, ...options.timings };
  const breaker = createBreaker(timings);
  const logs = openLogFiles(options.folders.logs);
  const log = (tag: LogTag, line: string): void => logs.write(tag, line);
  let state: SupervisorState = "idle";
  let attempt: Attempt | undefined;
  let retry: NodeJS.Timeout | undefined;
  let errorPage: ErrorPage | undefined;
  let lastReason = "";
  let onGone: (() => void) | undefined;
  let stopping: Promise<void> | undefined;

  const launch = (): void => {
    state = "starting";
    const mine = startAttempt(
      { ...options, timings, log },
      {
        serving: () => {
          state = "serving";
          const url = mine.newBootUrl();
          if (url !== undefined) listeners.serving(url);
        },
        failing: (reason) => {
          state = "backing-off";
          reportDown(reason);
        },
        ended: ({ reason, hasServed }) => {
          const wasReported = state === "backing-off";
          attempt = undefined;
          if (onGone !== undefined) return onGone();
          state = "backing-off";
          if (!wasReported) reportDown(reason);
          decide(hasServed, mine);
        },
      },
    );
    attempt = mine;
  };
  const reportDown = (reason: string): void => {
    lastReason = reason;
    log("app", `down: ${reason}`);
    listeners.down(reason);
  };
  const decide = (hasServed: boolean, failed: Attempt): void => {
    // A listener may have called stop or restart.
    if (state !== "backing-off" || attempt !== undefined) return;
    const verdict = breaker.failed(hasServed);
    if (verdict.kind === "open") return giveUp(failed);
    log("app", `restart in ${verdict.afterMs} ms`);
    if (verdict.afterMs === 0) return launch();
    retry = setTimeout(launch, verdict.afterMs);
  };
  const giveUp = (failed: Attempt): void => {
    state = "broken";
    log("app", "too many restarts: showing the error page");
    const { app, folders } = options;
    const facts = () => ({
      appName: app.name,
      reason: lastReason,
      // Read late: the last words may arrive after the exit.
      problems: failed.problems(),
      lines: logs.last(),
      logFolder: folders.logs,
    });
    openErrorPage(facts, restart, (thrown) => log("app", `error page: ${messageOf(thrown)}`)).then(
      (page) => {
        // Meanwhile the user may have closed the app.
        if (state !== "broken" || errorPage !== undefined) return closePage(page);
        errorPage = page;
        return listeners.broken(page.newUrl());
      },
      (thrown: unknown) => reportDown(`the error page cannot be shown: ${messageOf(thrown)}`),
    );
  };
  const closePage = (page: ErrorPage): void => {
    page.close().catch((thrown: unknown) => log("app", `the error page cannot be closed: ${messageOf(thrown)}`));
  };
  /** Ends what runs, whatever it is; `then` is called when no sidecar is left. */
  const settle = (then: () => void): void => {
    clearTimeout(retry);
    if (errorPage !== undefined) closePage(errorPage);
    errorPage = undefined;
    if (attempt === undefined) return then();
    onGone = () => {
      onGone = undefined;
      then();
    };
    attempt.stop();
  };
  const restart = (): void => {
    if (state === "idle" || state === "stopped" || onGone !== undefined) return;
    log("app", "restart was asked for");
    breaker.reset();
    state = "starting";
    settle(launch);
  };

  return {
    start: () => {
      if (state === "idle") launch();
    },
    newBootUrl: () => attempt?.newBootUrl() ?? errorPage?.newUrl(),
    restart,
    stop: () => {
      stopping ??= new Promise((resolve) => {
        state = "stopped";
        settle(() => {
          logs.close();
          resolve();
        });
      });
      return stopping;
    },
    get state() {
      return state;
    },
    get sidecarPid() {
      return attempt?.pid;
    },
  };
}
