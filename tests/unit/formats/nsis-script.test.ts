import { describe, expect, test } from "vitest";
import type { NsisFacts } from "../../../build/formats/nsis-facts.ts";
import { renderFileList, renderNsisScript } from "../../../build/formats/nsis-script.ts";
import { nsisPath, nsisString } from "../../../build/formats/nsis-text.ts";

const facts: NsisFacts = {
  app: {
    name: "Notes",
    fileName: "Notes",
    slug: "notes",
    identifier: "dev.example.notes",
    version: "1.2.3-beta.1",
    publisher: "Example",
    description: "",
  },
  launch: { executable: "Notes.exe", args: [], cwd: "" },
  iconInApp: undefined,
  installedBytes: 5_000_000,
  scope: "user",
  desktopShortcut: "never",
  runAfterInstall: false,
  protocols: [],
  fileTypes: [],
  license: undefined,
  webview2Bootstrapper: false,
  finalizeUninstaller: undefined,
};

describe("text in NSIS scripts", () => {
  test.each([
    ["a", '"a"'],
    ['say "hi"', '"say $\\"hi$\\""'],
    ["${NSISDIR} $%PATH% $INSTDIR $(^Name)", '"${DOLLAR}{NSISDIR} ${DOLLAR}%PATH% ${DOLLAR}INSTDIR ${DOLLAR}(^Name)"'],
    ["a\nb\tc\r", '"a$\\nb$\\tc$\\r"'],
    ["it's `so`", '"it\'s `so`"'],
  ])("%j", (text, written) => {
    expect(nsisString(text)).toBe(written);
  });

  test("paths have backslashes", () => {
    expect(nsisPath("bin/a $1.exe")).toBe("bin\\a ${DOLLAR}1.exe");
  });
});

describe("the setup's script", () => {
  test("a prerelease has the three numbers of its release as a file version", () => {
    const script = renderNsisScript(facts);
    expect(script).toContain('VIProductVersion "1.2.3.0"');
    expect(script).toContain('VIAddVersionKey /LANG=1033 "ProductVersion" "1.2.3-beta.1"');
  });

  test("the scope decides about rights and place", () => {
    expect(renderNsisScript(facts)).toMatch(/RequestExecutionLevel user[^]*\$LOCALAPPDATA\\Programs\\notes/);
    const machine = renderNsisScript({ ...facts, scope: "machine" });
    expect(machine).toMatch(/RequestExecutionLevel admin[^]*\$PROGRAMFILES64\\Notes/);
    expect(machine).toContain("!define FOR_MACHINE");
  });

  test("an ampersand is doubled where NSIS underlines what follows it", () => {
    const script = renderNsisScript({ ...facts, app: { ...facts.app, name: "A & B" } });
    expect(script).toContain('Name "A & B" "A && B"');
  });

  test("the desktop gets a link only by choice, and loses it again", () => {
    expect(renderNsisScript(facts)).not.toContain("$DESKTOP");
    const asked = renderNsisScript({ ...facts, desktopShortcut: "ask" });
    expect(asked).toContain("MUI_PAGE_COMPONENTS");
    expect(asked).not.toContain("Call LinkOnDesktop");
    const always = renderNsisScript({ ...facts, desktopShortcut: "always" });
    expect(always).toContain("Call LinkOnDesktop");
    expect(always).toContain('Delete "$DESKTOP\\$LINK_NAME.lnk"');
  });
});

test("the list of files: UTF-16 with its mark, files first, then folders from the deepest", () => {
  const entries = [
    { path: "a", kind: "folder" },
    { path: "a/b", kind: "folder" },
    { path: "a/b/日本.txt", kind: "file" },
    { path: "z.exe", kind: "file" },
  ];
  const text = Buffer.from(renderFileList(entries)).toString("utf16le");
  expect(text).toBe("\ufeffa\\b\\日本.txt\r\nz.exe\r\na\\b\\\r\na\\\r\n");
});
