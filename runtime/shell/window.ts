/**
 * The window process of the webview shell. libwebview's `run()` blocks this
 * thread's event loop, so a worker (`window-worker.ts`) reads the commands and
 * hands each one over with `webview_dispatch`, which runs a callback on this
 * thread from inside `run()`.
 *
 * Started by `webview.ts` as `bun window.js <library>`.
 */
import { JSCallback, type Pointer } from "bun:ffi";
import { writeSync } from "node:fs";
import { join } from "node:path";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { ErthError, messageOf } from "../base/errors.ts";
import { BROWSER_CONTROLLER, cString, loadWebview, SIZE_HINT, type Webview } from "./libwebview.ts";
import { loopbackOrigin } from "./loopback.ts";
import { lockNavigation, nameProgram, presentWindow } from "./native-window.ts";
import {
  encodeEvent,
  parseCommand,
  type OpenCommand,
  type WindowCommand,
  type WindowEvent,
} from "./window-protocol.ts";
import { announceWindow, newWindowSlot, type WorkerStart } from "./window-slot.ts";

function report(event: WindowEvent): void {
  writeSync(1, `${encodeEvent(event)}\n`);
}

function fail(thrown: unknown): never {
  const known = thrown instanceof ErthError ? thrown : undefined;
  report({
    event: "failed",
    code: known?.code ?? "WINDOW_FAILED",
    message: messageOf(thrown),
    remedy: known?.remedy ?? "start the app again; if it stays, send the log to the app's maker",
  });
  process.exit(1);
}

const library = process.argv[2] ?? "";
const slot = newWindowSlot();
const { port1: commands, port2: workerPort } = new MessageChannel();
const start: WorkerStart = { library, slot, commands: workerPort };
const worker = new Worker(join(import.meta.dirname, "window-worker.js"), {
  workerData: start,
  transferList: [workerPort],
});
worker.on("error", fail);

// Loading WebKit takes a tenth of a second or more: it happens while the sidecar starts.
let webview: Webview;
try {
  webview = loadWebview(library);
} catch (thrown) {
  fail(thrown);
}

worker.once("message", (line: unknown) => {
  const command = typeof line === "string" ? parseCommand(line) : undefined;
  try {
    if (command?.do === "open") run(command);
    else if (command?.do !== "close") throw new Error("the first command was not `open`");
    report({ event: "closed", by: wasAsked ? "command" : "user" });
    process.exit(0);
  } catch (thrown) {
    fail(thrown);
  }
});

let wasAsked = false;

/** Opens the window and blocks until it is gone. */
function run(options: OpenCommand): void {
  let origin = loopbackOrigin(options.url);
  // WebKit fixes its storage when it is made, GTK the window's class when it is
  // shown: WebKit's files stay in a folder of their own, apart from the app's data.
  nameProgram(`${options.identifier}/webview`);
  const handle = webview.webview_create(0, null);
  nameProgram(options.identifier);
  if (handle === null) {
    throw new ErthError({
      code: "NO_DISPLAY",
      message: `no window can be opened: ${displayInWords()}.`,
      remedy: "start the app from a desktop session, or set DISPLAY or WAYLAND_DISPLAY",
    });
  }
  webview.webview_set_title(handle, cString(options.title));
  webview.webview_set_size(handle, options.width, options.height, SIZE_HINT.initial);
  webview.webview_set_size(handle, options.minWidth, options.minHeight, SIZE_HINT.minimum);

  const view = webview.webview_get_native_handle(handle, BROWSER_CONTROLLER);
  if (view !== null) {
    lockNavigation(
      view,
      (uri) => uri === "about:blank" || uri === "about:srcdoc" || (URL.canParse(uri) && new URL(uri).origin === origin),
      (uri) => report({ event: "refused", url: URL.canParse(uri) ? new URL(uri).origin : "" }),
    );
  }

  const obey = (command: WindowCommand): void => {
    switch (command.do) {
      case "navigate":
        origin = loopbackOrigin(command.url);
        webview.webview_navigate(handle, cString(command.url));
        return;
      case "title":
        webview.webview_set_title(handle, cString(command.title));
        return;
      case "focus": {
        const window: Pointer | null = webview.webview_get_window(handle);
        if (window !== null) presentWindow(window);
        return;
      }
      case "close":
        wasAsked = true;
        webview.webview_terminate(handle);
        return;
      case "open":
        throw new Error("`open` came twice");
    }
  };
  const drain = new JSCallback(
    () => {
      for (;;) {
        const received: unknown = receiveMessageOnPort(commands)?.message;
        if (received === undefined) return;
        const command = typeof received === "string" ? parseCommand(received) : undefined;
        // A throw cannot cross the native frames below; it is told and the window goes on.
        try {
          if (command !== undefined) obey(command);
        } catch (thrown) {
          writeSync(2, `window: ${messageOf(thrown)}\n`);
        }
      }
    },
    { args: ["ptr", "ptr"], returns: "void" },
  );

  webview.webview_navigate(handle, cString(options.url));
  if (drain.ptr === null) throw new Error("no callback could be made");
  announceWindow(slot, handle, drain.ptr);
  report({ event: "opened" });
  webview.webview_run(handle);
  webview.webview_destroy(handle);
}

function displayInWords(): string {
  if (process.platform !== "linux") return "the system's webview refused";
  const { DISPLAY: x11, WAYLAND_DISPLAY: wayland } = process.env;
  if (!x11 && !wayland) return "neither DISPLAY nor WAYLAND_DISPLAY is set";
  return `the display ${wayland || x11} cannot be reached`;
}
