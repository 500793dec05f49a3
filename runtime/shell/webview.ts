/**
 * The `webview` shell: a window of the OS's own webview through libwebview, in
 * a process of its own (`window.ts`), because its event loop blocks. This side
 * runs in the supervisor's process.
 */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { ErthError, messageOf } from "../base/errors.ts";
import { loopbackOrigin } from "./loopback.ts";
import type { Shell, ShellClosed, WindowOptions } from "./shell.ts";
import { encodeCommand, lineSplitter, parseEvent, type WindowCommand } from "./window-protocol.ts";

/** From the folder of the running script (`resources/shell`) to the folder that holds `app.json`. */
export const resourcesFromScript = "..";

/** How long the window gets to close in good order before it is killed. */
const CLOSE_LIMIT_MS = 3_000;
const LIBRARY_SUFFIX: Partial<Record<NodeJS.Platform, string>> = { darwin: "dylib", win32: "dll" };

export interface WebviewSurroundings {
  /** The Bun that runs the window. */
  readonly bun: string;
  readonly windowScript: string;
  /** libwebview of this platform. */
  readonly library: string;
}

/** Everything beside the running script and Bun; `ERTH_WEBVIEW_LIBRARY` names the library when run from source. */
function surroundings(): WebviewSurroundings {
  const fileName = `libwebview.${LIBRARY_SUFFIX[process.platform] ?? "so"}`;
  return {
    bun: process.execPath,
    windowScript: join(import.meta.dirname, "window.js"),
    library: process.env.ERTH_WEBVIEW_LIBRARY || join(dirname(process.execPath), fileName),
  };
}

/** Starts the window process at once, so that WebKit loads while the sidecar starts; `open` shows the window. */
export function createShell(identifier: string, around: WebviewSurroundings = surroundings()): Shell {
  const child = spawn(around.bun, ["--no-install", "--no-env-file", around.windowScript, around.library], {
    stdio: ["pipe", "pipe", "inherit"],
    windowsHide: true,
  });
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<ShellClosed>();
  // Both may settle before anyone waits for them.
  opened.promise.catch(() => undefined);
  let ending: ShellClosed | undefined;
  let failure: ErthError | undefined;
  let wasAsked = false;

  const take = lineSplitter((line) => {
    const event = parseEvent(line);
    if (event?.event === "opened") opened.resolve();
    else if (event?.event === "closed")
      ending = { reason: wasAsked ? "asked" : event.by === "user" ? "user" : "asked" };
    else if (event?.event === "failed") failure = new ErthError(event);
    else if (event?.event === "refused")
      console.error(`window: kept a page from going to ${event.url || "a new window"}`);
    else if (line !== "") console.error(`window: ${line}`);
  });
  child.stdout.setEncoding("utf8").on("data", take);
  // Writing to a window that died fails; its exit is what counts.
  child.stdin.on("error", () => undefined);

  let isGone = false;
  const gone = (detail: string): void => {
    if (isGone) return;
    isGone = true;
    opened.reject(
      failure ??
        new ErthError({
          code: "WINDOW_FAILED",
          message: `the window's process ended before it had a window (${detail}).`,
          remedy: "start the app again; if it stays, send the log to the app's maker",
        }),
    );
    const crash: ShellClosed = failure ? { reason: "crashed", error: failure } : { reason: "crashed", detail };
    closed.resolve(ending ?? (wasAsked ? { reason: "asked" } : crash));
  };
  child.on("error", (cause) => gone(messageOf(cause)));
  child.on("close", (code, signal) => gone(signal === null ? `exit code ${code}` : `signal ${signal}`));

  const send = (command: WindowCommand): void => {
    if (!isGone) child.stdin.write(`${encodeCommand(command)}\n`);
  };

  const close = async (): Promise<void> => {
    wasAsked = true;
    send({ do: "close" });
    const kill = setTimeout(() => child.kill("SIGKILL"), CLOSE_LIMIT_MS);
    await closed.promise;
    clearTimeout(kill);
  };
  // `closed` then lets the app stop its sidecar and end.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => void close());

  return {
    kind: "webview",
    closed: closed.promise,
    async open(options: WindowOptions): Promise<void> {
      loopbackOrigin(options.url);
      send({ do: "open", identifier, ...options });
      await opened.promise;
    },
    async navigate(url: string): Promise<void> {
      loopbackOrigin(url);
      send({ do: "navigate", url });
    },
    async setTitle(title: string): Promise<void> {
      send({ do: "title", title });
    },
    async focus(): Promise<void> {
      send({ do: "focus" });
    },
    close,
  };
}
