/**
 * What libwebview's C API leaves out, reached through each platform's own
 * libraries: a program identity before the window exists, bringing it to the
 * front, and on Linux a lock that keeps it on the app's own pages.
 */
import { CString, dlopen, FFIType, JSCallback, type Pointer } from "bun:ffi";
import { cString } from "./libwebview.ts";

const { bool, cstring: CSTRING, function: FUNCTION, i32, ptr, u32, u64, void: VOID } = FFIType;

/**
 * Names the program to GTK, which takes the X11 WM class and the Wayland app id
 * from the name (so that a window matches its `.desktop` entry), and WebKit its
 * storage folders (`~/.local/share/<name>`, `~/.cache/<name>`).
 */
export function nameProgram(name: string): void {
  if (process.platform !== "linux") return;
  dlopen("libglib-2.0.so.0", { g_set_prgname: { args: [ptr], returns: VOID } }).symbols.g_set_prgname(cString(name));
}

/** Brings the window to the front; `window` is the GtkWindow, NSWindow or HWND of `webview_get_window`. */
export function presentWindow(window: Pointer): void {
  if (process.platform === "linux") {
    const gtk = dlopen("libgtk-4.so.1", { gtk_window_present: { args: [ptr], returns: VOID } });
    gtk.symbols.gtk_window_present(window);
    return;
  }
  if (process.platform === "win32") {
    const user32 = dlopen("user32.dll", {
      ShowWindow: { args: [ptr, i32], returns: i32 },
      SetForegroundWindow: { args: [ptr], returns: i32 },
    });
    const SW_RESTORE = 9;
    user32.symbols.ShowWindow(window, SW_RESTORE);
    user32.symbols.SetForegroundWindow(window);
    return;
  }
  const objc = dlopen("libobjc.A.dylib", {
    objc_getClass: { args: [ptr], returns: ptr },
    sel_registerName: { args: [ptr], returns: ptr },
    objc_msgSend: { args: [ptr, ptr, u64], returns: ptr },
  }).symbols;
  const send = (receiver: Pointer | null, selector: string, argument: bigint): Pointer | null =>
    objc.objc_msgSend(receiver, objc.sel_registerName(cString(selector)), argument);
  const application = send(objc.objc_getClass(cString("NSApplication")), "sharedApplication", 0n);
  send(application, "activateIgnoringOtherApps:", 1n);
  send(window, "makeKeyAndOrderFront:", 0n);
}

/** `WebKitPolicyDecisionType` */
const NAVIGATION_ACTION = 0;
const NEW_WINDOW_ACTION = 1;

/**
 * Keeps a WebKitWebView on pages that `isAllowed` accepts; others are ignored
 * and told to `onRefused`, new windows always. Only WebKitGTK can be reached
 * this way: on macOS and Windows the pages' own Content-Security-Policy is
 * what holds.
 */
export function lockNavigation(
  webView: Pointer,
  isAllowed: (uri: string) => boolean,
  onRefused: (uri: string) => void,
): void {
  if (process.platform !== "linux") return;
  const webkit = dlopen("libwebkitgtk-6.0.so.4", {
    webkit_navigation_policy_decision_get_navigation_action: { args: [ptr], returns: ptr },
    webkit_navigation_action_get_request: { args: [ptr], returns: ptr },
    webkit_uri_request_get_uri: { args: [ptr], returns: ptr },
    webkit_policy_decision_ignore: { args: [ptr], returns: VOID },
  }).symbols;
  const gobject = dlopen("libgobject-2.0.so.0", {
    g_signal_connect_data: { args: [ptr, CSTRING, FUNCTION, ptr, ptr, u32], returns: u64 },
  }).symbols;

  const decidePolicy = new JSCallback(
    (_view: Pointer, decision: Pointer, type: number): boolean => {
      if (type !== NAVIGATION_ACTION && type !== NEW_WINDOW_ACTION) return false;
      const action = webkit.webkit_navigation_policy_decision_get_navigation_action(decision);
      const request = action === null ? null : webkit.webkit_navigation_action_get_request(action);
      const address = request === null ? null : webkit.webkit_uri_request_get_uri(request);
      const uri = address === null ? "" : new CString(address).toString();
      if (type === NAVIGATION_ACTION && isAllowed(uri)) return false;
      webkit.webkit_policy_decision_ignore(decision);
      onRefused(uri);
      return true;
    },
    { args: [ptr, ptr, i32, ptr], returns: bool },
  );
  gobject.g_signal_connect_data(webView, cString("decide-policy"), decidePolicy.ptr, null, null, 0);
}
