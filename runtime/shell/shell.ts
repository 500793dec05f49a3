/**
 * What every shell can do. `run-app.ts` drives it; `webview.ts` and
 * `electrobun.ts` implement it; a bundle carries exactly one of them.
 */
import type { ErthError } from "../base/errors.ts";

export interface WindowOptions {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly minWidth: number;
  readonly minHeight: number;
  /** First page; a loopback URL of the sidecar or of the error page. */
  readonly url: string;
}

export interface Shell {
  readonly kind: "electrobun" | "webview";
  /** Opens the only window. Resolves when the native window exists. */
  open(options: WindowOptions): Promise<void>;
  navigate(url: string): Promise<void>;
  setTitle(title: string): Promise<void>;
  /** Brings the window to the front, as a second start of the app asks. A no-op where the shell cannot. */
  focus(): Promise<void>;
  /** Closes the window and frees the shell; `closed` resolves after it. */
  close(): Promise<void>;
  /** Resolves once the window is gone: the user closed it, it crashed, or `close` was called. */
  readonly closed: Promise<ShellClosed>;
}

export interface ShellClosed {
  readonly reason: "user" | "crashed" | "asked";
  readonly detail?: string;
  /** What to tell the user, where a crash has a known cause and remedy. */
  readonly error?: ErthError;
}
