/**
 * The `electrobun` shell: ElectroBun 1.18.1's native window. It runs in the
 * Worker that ElectroBun's `main.js` starts, with the executables' folder as
 * its working folder; the SDK finds everything from there, so nothing may
 * change it.
 */
import Electrobun, { BrowserWindow, Screen, type WindowFrame } from "erth:electrobun";
import { loopbackOrigin } from "./loopback.ts";
import type { Shell, ShellClosed, WindowOptions } from "./shell.ts";

/** From the folder of the running script (`Resources/app/bun`) to the folder that holds `app.json`. */
export const resourcesFromScript = "../..";

/** The app's identifier reaches ElectroBun through `version.json`. */
export function createShell(_identifier: string): Shell {
  const closed = Promise.withResolvers<ShellClosed>();
  let window: BrowserWindow | undefined;
  let wasAsked = false;
  let isEnding = false;

  const end = (ending: ShellClosed): void => {
    isEnding = true;
    closed.resolve(ending);
  };

  // SIGTERM, SIGINT, the Quit menu and the last window's close all end in the
  // SDK's `quit`. The first one is held back so that the sidecar can stop; the
  // second is our own `process.exit`, which the SDK also turns into `quit`,
  // losing the exit code unless it is forced from here.
  Electrobun.events.on("before-quit", (event) => {
    if (!isEnding) {
      event.response = { allow: false };
      end({ reason: wasAsked ? "asked" : "user" });
      return;
    }
    const code = Number(process.exitCode ?? 0);
    if (code !== 0) process.exit(code);
  });

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
