/**
 * What a system must bring, and the stub explains the absence of. Linux, by
 * shell: libraries; everything else that the shells link against comes with
 * these as their dependencies. Windows: the WebView2 runtime, which Windows 11
 * has and older systems may lack.
 */
import type { ShellKind } from "../../config/resolved-config.ts";
import type { PayloadRequirement } from "../../formats/payload.ts";
import { osOf, type Target, type TargetOs } from "../../plan/target.ts";

const LIBRARIES: Readonly<Record<ShellKind, readonly PayloadRequirement[]>> = {
  // `readelf -d libwebview-x64.so` of webview-bun 2.4.0.
  webview: [
    {
      library: "libwebkitgtk-6.0.so.4",
      packages: {
        debian: "libwebkitgtk-6.0-4",
        fedora: "webkitgtk6.0",
        arch: "webkitgtk-6.0",
        suse: "libwebkitgtk-6_0-4",
      },
    },
  ],
  // libNativeWrapper.so of ElectroBun 1.18.1: WebKitGTK 4.1 on GTK 3, and the tray.
  electrobun: [
    {
      library: "libwebkit2gtk-4.1.so.0",
      packages: {
        debian: "libwebkit2gtk-4.1-0",
        fedora: "webkit2gtk4.1",
        arch: "webkit2gtk-4.1",
        suse: "libwebkit2gtk-4_1-0",
      },
    },
    {
      library: "libayatana-appindicator3.so.1",
      packages: {
        debian: "libayatana-appindicator3-1",
        fedora: "libayatana-appindicator-gtk3",
        arch: "libayatana-appindicator",
        suse: "libayatana-appindicator3-1",
      },
    },
  ],
};

/** Microsoft's own download page of the runtime; the stub looks for it in the registry. */
const WEBVIEW2: PayloadRequirement = {
  library: "WebView2",
  packages: { windows: "https://developer.microsoft.com/microsoft-edge/webview2/consumer/" },
};

export function requirementsOf(target: Target, shell: ShellKind): readonly PayloadRequirement[] {
  const byOs: Readonly<Record<TargetOs, readonly PayloadRequirement[]>> = {
    linux: LIBRARIES[shell],
    win32: [WEBVIEW2],
    darwin: [],
  };
  return byOs[osOf(target)];
}
