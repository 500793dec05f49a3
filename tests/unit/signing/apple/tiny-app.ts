/** A small `.app` on disk: a program, a library, a framework, a service, resources of every kind, links. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { renderPlist } from "../../../../build/formats/plist.ts";
import { tinyFat, tinyMachO } from "./tiny-mach-o.ts";

const x64 = tinyMachO({ architecture: "x86_64", fileType: 6 });
const info = (identifier: string, executable: string) =>
  renderPlist({ CFBundleIdentifier: identifier, CFBundleExecutable: executable });

const TINY_APP: Readonly<Record<string, string | Uint8Array>> = {
  "Contents/Info.plist": info("dev.erth.tiny", "tiny"),
  "Contents/PkgInfo": "APPL????",
  "Contents/version.plist": renderPlist({}),
  "Contents/MacOS/tiny": tinyMachO(),
  "Contents/MacOS/bun": tinyMachO({ segments: ["__BUN"] }),
  "Contents/MacOS/libtiny.dylib": tinyFat(x64, tinyMachO({ fileType: 6 })),
  "Contents/Resources/app/addon.node": tinyMachO({ fileType: 8 }),
  "Contents/Resources/app/Program.class": Buffer.from("cafebabe00000034001000000000", "hex"),
  "Contents/Resources/app/object.o": tinyMachO({ fileType: 1 }),
  "Contents/Resources/.DS_Store": "left over",
  "Contents/Resources/Base.lproj/Main.nib": "base",
  "Contents/Resources/en.lproj/Main.strings": "english",
  "Contents/Resources/ä & <b>.txt": "odd name",
  "Contents/Frameworks/Thing.framework/Versions/A/Resources/Info.plist": info("dev.erth.thing", "Thing"),
  "Contents/Frameworks/Thing.framework/Versions/A/Thing": tinyMachO({ fileType: 6, textBytes: 12_000 }),
  "Contents/XPCServices/Service.xpc/Contents/Info.plist": info("dev.erth.service", "Service"),
  "Contents/XPCServices/Service.xpc/Contents/MacOS/Service": tinyMachO({ textBytes: 9000 }),
};

const LINKS: Readonly<Record<string, string>> = {
  "Contents/Resources/link.txt": "app/Program.class",
  "Contents/Frameworks/Thing.framework/Versions/Current": "A",
  "Contents/Frameworks/Thing.framework/Thing": "Versions/Current/Thing",
  "Contents/Frameworks/Thing.framework/Resources": "Versions/Current/Resources",
};

/** Writes the app, with these files besides or instead; undefined leaves one out. */
export function writeTinyApp(
  app: string,
  changes: Readonly<Record<string, string | Uint8Array | undefined>> = {},
  links: Readonly<Record<string, string>> = {},
): string {
  for (const [path, content] of Object.entries({ ...TINY_APP, ...changes })) {
    if (content === undefined) continue;
    mkdirSync(dirname(join(app, path)), { recursive: true });
    writeFileSync(join(app, path), content, { mode: path.includes("/MacOS/") ? 0o755 : 0o644 });
  }
  for (const [path, target] of Object.entries({ ...LINKS, ...links })) symlinkSync(target, join(app, path));
  return app;
}
