/** What to install where WebKitGTK, which draws the window on Linux, is missing. */
import { ErthError } from "../base/errors.ts";

/** The package that holds `libwebkitgtk-6.0.so.4`, by distribution family. */
const PACKAGES = [
  ["Debian, Ubuntu, Mint", "sudo apt install libwebkitgtk-6.0-4"],
  ["Fedora, RHEL", "sudo dnf install webkitgtk6.0"],
  ["Arch, Manjaro", "sudo pacman -S webkitgtk-6.0"],
  ["openSUSE", "sudo zypper install libwebkitgtk-6_0-4"],
] as const;

/** The library that the dynamic linker's message says is not there. */
export function missingLibrary(linkerMessage: string): string | undefined {
  return /([^\s/:"]+): cannot open shared object file/.exec(linkerMessage)?.[1];
}

/** Whether it is one of the WebKitGTK family. */
export function isWebkitGtkMissing(linkerMessage: string): boolean {
  return /^lib(webkitgtk-6|javascriptcoregtk-6|gtk-4|soup-3)/.test(missingLibrary(linkerMessage) ?? "");
}

/** The error with the command for each distribution family. */
export function webkitGtkMissing(linkerMessage: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "WEBKITGTK_MISSING",
    message: `WebKitGTK 6.0, which draws the app's window, is not installed (${linkerMessage}).`,
    remedy: `install it, then start the app again: ${PACKAGES.map(([family, command]) => `${command} (${family})`).join("; ")}`,
    cause,
  });
}
