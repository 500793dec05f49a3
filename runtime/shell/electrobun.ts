/**
 * The `electrobun` shell: ElectroBun 1.18.1's native window. It runs in the
 * Worker that ElectroBun's `main.js` starts, with the executables' folder as
 * its working folder; the SDK finds everything from there, so nothing may
 * change it.
 */
import { dlopen, FFIType } from "bun:ffi";
import Electrobun, { BrowserWindow, Screen, type WindowFrame } from "erth:electrobun";
import { loopbackOrigin } from "./loopback.ts";
import type { Shell, ShellClosed, WindowOptions } from "./shell.ts";

/** From the folder of the running script (`Resources/app/bun`) to the folder that holds `app.json`. */
export const resourcesFromScript = "../..";

/** Told that the user quits; unset while there is no shell. */
let onQuit: (() => void) | undefined;
let hasHadWindow = false;

// The Quit menu and the last window's close both end in the SDK's `quit`, as
// does our own `process.exit`, which loses its argument there. Until the app has
// set its exit code it is not done, and quitting is held back.
Electrobun.events.on("before-quit", (event) => {
  const { exitCode } = process;
  if (exitCode === undefined && onQuit !== undefined) {
    event.response = { allow: false };
    onQuit();
  } else if (Number(exitCode ?? 0) !== 0 || !hasHadWindow) {
    // Inside `quit`, the SDK's `process.exit` ends the process at once and keeps
    // the code. Without a window there is nothing native to wait for.
    process.exit(exitCode);
  }
});

/** The app's identifier reaches ElectroBun through `version.json`. */
export function createShell(_identifier: string): Shell {
  const closed = Promise.withResolvers<ShellClosed>();
  let window: BrowserWindow | undefined;
  let wasAsked = false;
  const end = (ending: ShellClosed): void => closed.resolve(ending);

  obeySignals();
  onQuit = () => end({ reason: wasAsked ? "asked" : "user" });

  const lockTo = (url: string): void => {
    // A rule with the exact port and a slash after it leaves no room for
    // `http://127.0.0.1:80@elsewhere/`. Rules given to the constructor are
    // never passed on by SDK 1.18.1; only this call reaches the native side.
    window?.webview.setNavigationRules(["^*", `${loopbackOrigin(url)}/*`]);
  };

  return {
    kind: "electrobun",
    closed: closed.promise,
    async open(options: WindowOptions): Promise<void> {
      loopbackOrigin(options.url);
      const opened = new BrowserWindow({
        title: options.title,
        frame: centred(options.width, options.height),
        url: options.url,
        sandbox: true,
      });
      window = opened;
      hasHadWindow = true;
      lockTo(options.url);
      opened.on("close", () => {
        window = undefined;
        end({ reason: wasAsked ? "asked" : "user" });
      });
      opened.on("resize", ({ data }) => {
        // SDK 1.18.1 knows no least size, so a smaller window grows back.
        const width = Math.max(data.width, options.minWidth);
        const height = Math.max(data.height, options.minHeight);
        if (width !== data.width || height !== data.height) window?.setSize(width, height);
      });
    },
    async navigate(url: string): Promise<void> {
      lockTo(url);
      window?.webview.loadURL(url);
    },
    async setTitle(title: string): Promise<void> {
      window?.setTitle(title);
    },
    async focus(): Promise<void> {
      if (window?.isMinimized()) window.unminimize();
      window?.activate();
    },
    async close(): Promise<void> {
      wasAsked = true;
      window?.close();
      window = undefined;
      end({ reason: "asked" });
      await closed.promise;
    },
  };
}

/**
 * Gives SIGTERM, SIGINT and SIGHUP their default effect back. `main.js` takes
 * them over, but its thread sits in the native event loop and never runs a
 * handler, so the app would ignore them. The sidecar sees its lifeline end and
 * closes the database in good order by itself.
 */
function obeySignals(): void {
  if (process.platform === "win32") return;
  const libc = process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6";
  const { symbols } = dlopen(libc, { signal: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.ptr } });
  const [SIGHUP, SIGINT, SIGTERM] = [1, 2, 15];
  const SIG_DFL = null;
  for (const signal of [SIGHUP, SIGINT, SIGTERM]) symbols.signal(signal, SIG_DFL);
}

/** In the middle of the primary display, or at its corner where the display is unknown or too small. */
function centred(width: number, height: number): WindowFrame {
  const { workArea } = Screen.getPrimaryDisplay();
  const offset = (room: number, size: number): number => Math.max(0, Math.round((room - size) / 2));
  return {
    x: workArea.x + offset(workArea.width, width),
    y: workArea.y + offset(workArea.height, height),
    width,
    height,
  };
}
