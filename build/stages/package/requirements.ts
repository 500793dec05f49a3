/**
 * What a Linux system must bring, by shell: the libraries whose absence the
 * single file explains. Everything else that the shells link against comes
 * with these as their dependencies.
 */
import type { ShellKind } from "../../config/resolved-config.ts";
import type { PayloadRequirement } from "../../formats/payload.ts";

export const REQUIREMENTS: Readonly<Record<ShellKind, readonly PayloadRequirement[]>> = {
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
