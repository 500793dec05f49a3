/**
 * The C API of libwebview 0.12 (`webview.h`), as `webview-bun` builds it for
 * every target, over `bun:ffi`. Runs in the window process only.
 */
import { dlopen, FFIType } from "bun:ffi";
import { ErthError, messageOf } from "../base/errors.ts";
import { isWebkitGtkMissing, missingLibrary, webkitGtkMissing } from "./webkitgtk.ts";

const { function: FUNCTION, i32, ptr, void: VOID } = FFIType;

/** `webview_hint_t`: how `webview_set_size` reads its width and height. */
export const SIZE_HINT = { initial: 0, minimum: 1 } as const;

/** `webview_native_handle_kind_t`: the browser control (`WebKitWebView`, `WKWebView`, `ICoreWebView2Controller`). */
export const BROWSER_CONTROLLER = 2;

const WINDOW_SYMBOLS = {
  webview_create: { args: [i32, ptr], returns: ptr },
  webview_destroy: { args: [ptr], returns: VOID },
  webview_run: { args: [ptr], returns: VOID },
  webview_terminate: { args: [ptr], returns: VOID },
  webview_get_window: { args: [ptr], returns: ptr },
  webview_get_native_handle: { args: [ptr, i32], returns: ptr },
  webview_set_title: { args: [ptr, ptr], returns: VOID },
  webview_set_size: { args: [ptr, i32, i32, i32], returns: VOID },
  webview_navigate: { args: [ptr, ptr], returns: VOID },
} as const;

const DISPATCH_SYMBOLS = {
  /** The one function that may be called from another thread than the window's. */
  webview_dispatch: { args: [ptr, FUNCTION, ptr], returns: VOID },
} as const;

/** A NUL-terminated UTF-8 string; a NUL inside the text ends it early, so it is dropped. */
export function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text.replaceAll("\0", "")}\0`);
}

/** The window thread's functions. Throws `WEBKITGTK_MISSING` or `WEBVIEW_LIBRARY`. */
export function loadWebview(path: string): Webview {
  return attempt(path, () => dlopen(path, WINDOW_SYMBOLS)).symbols;
}

/** The function for the thread that reads commands. */
export function loadDispatch(path: string): Dispatch {
  return attempt(path, () => dlopen(path, DISPATCH_SYMBOLS)).symbols;
}

export type Webview = ReturnType<typeof dlopen<typeof WINDOW_SYMBOLS>>["symbols"];
export type Dispatch = ReturnType<typeof dlopen<typeof DISPATCH_SYMBOLS>>["symbols"];

function attempt<T>(path: string, load: () => T): T {
  try {
    return load();
  } catch (cause) {
    const reason = messageOf(cause);
    if (process.platform === "linux" && isWebkitGtkMissing(reason)) throw webkitGtkMissing(reason, cause);
    const message = `${path} could not be loaded: ${reason}.`;
    throw new ErthError({ code: "WEBVIEW_LIBRARY", message, remedy: remedyFor(path, reason), cause });
  }
}

function remedyFor(path: string, reason: string): string {
  if (/GLIBC(XX)?_[\d.]+' not found/.test(reason)) return "update the system: the app needs glibc 2.33 or newer";
  const missing = missingLibrary(reason);
  return missing === undefined || path.endsWith(missing)
    ? "unpack or install the app again"
    : `install the package that holds ${missing}, then start the app again`;
}
