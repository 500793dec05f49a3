/** The whole script of a setup with everything in it, and the tables of a package, as a reviewer reads them. */
import { expect, test } from "vitest";
import { renderNsisScript } from "../../../build/formats/nsis-script.ts";

test("a setup with everything", async () => {
  const script = renderNsisScript({
    app: {
      name: "a.b c'd\"e",
      fileName: "a.b c'd-e",
      slug: "a-b-cde",
      identifier: "dev.example.notes",
      version: "1.2.3",
      publisher: "Bücher & Söhne $5",
      description: "Keeps notes",
    },
    launch: { executable: "bin/launcher.exe", args: ["--own", 'a "b"'], cwd: "bin" },
    iconInApp: "Resources/app.ico",
    installedBytes: 233_000_000,
    scope: "machine",
    desktopShortcut: "ask",
    runAfterInstall: true,
    protocols: ["notes"],
    fileTypes: [{ extension: "note", description: "Nöte" }],
    license: "license.txt",
    webview2Bootstrapper: true,
    finalizeUninstaller: 'cp -- "%1" "uninstaller.exe"',
  });
  await expect(script).toMatchFileSnapshot("setup-with-everything.nsi");
});
