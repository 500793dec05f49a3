/**
 * The script of a `-setup.exe`, for `makensis` 3.08 or later: what differs
 * from app to app. What all have in common lies beside it in `nsis/*.nsh`,
 * where the exit codes and the steps are written down. All files that the
 * script names are found in the folder that it lies in, under ASCII names.
 */
import type { NsisFacts } from "./nsis-facts.ts";
import { registerFunctions } from "./nsis-registry.ts";
import { DOLLAR_DEFINE, nsisString, nsisText } from "./nsis-text.ts";

/** The files beside the script. */
export const NSIS_FILES = {
  script: "setup.nsi",
  output: "built.exe",
  /** A program that unpacks the app: `payload.exe --erth-extract <new folder>`; exit code 70 if it is damaged. */
  payload: "payload.exe",
  fileList: "app.files",
  icon: "setup.ico",
  webview2: "webview2.exe",
} as const;

const WEBVIEW2_KEY = "SOFTWARE\\Microsoft\\EdgeUpdate\\Clients\\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}";
const WEBVIEW2_PAGE = "https://go.microsoft.com/fwlink/p/?LinkId=2124703";

/** The text of `setup.nsi`, for `-INPUTCHARSET UTF8`. */
export function renderNsisScript(facts: NsisFacts): string {
  return `${[
    ...attributes(facts),
    "",
    ...defines(facts),
    "",
    ...pages(facts),
    "",
    ...names(facts),
    "",
    '!include "common.nsh"',
    '!insertmacro DefineShared ""',
    '!insertmacro DefineShared "un."',
    "",
    ...registerFunctions(facts),
    "",
    '!include "install.nsh"',
    '!include "uninstall.nsh"',
  ].join("\n")}\n`;
}

function attributes({ app, scope, finalizeUninstaller }: NsisFacts): string[] {
  const fileVersion = `${app.version.split("-")[0]}.0`;
  // 1033 is English; version keys belong to a language.
  const keys = {
    ProductName: app.name,
    ProductVersion: app.version,
    FileDescription: `${app.name} Setup`,
    FileVersion: fileVersion,
    CompanyName: app.publisher,
    LegalCopyright: app.publisher,
  };
  return [
    DOLLAR_DEFINE,
    // What every NSIS ships; 64-bit stubs are Debian's own.
    "Target x86-unicode",
    "ManifestDPIAware true",
    "ManifestLongPathAware true",
    `RequestExecutionLevel ${scope === "machine" ? "admin" : "user"}`,
    // A damaged file must never get past the first check, not even by /NCRC.
    "CRCCheck force",
    // The payload is compressed already; this is for NSIS's own parts.
    "SetCompressor lzma",
    // The same bytes from the same app, whenever it is built.
    "SetDateSave off",
    // NSIS underlines the character after "&", unless it is doubled in the second form.
    `Name ${nsisString(app.name)} ${nsisString(app.name.replaceAll("&", "&&"))}`,
    `OutFile ${nsisString(NSIS_FILES.output)}`,
    `BrandingText ${nsisString(app.publisher.replaceAll("&", "&&"))}`,
    "ShowInstDetails nevershow",
    "ShowUninstDetails nevershow",
    `VIProductVersion ${nsisString(fileVersion)}`,
    ...Object.entries(keys).map(([key, value]) => `VIAddVersionKey /LANG=1033 ${nsisString(key)} ${nsisString(value)}`),
    ...(finalizeUninstaller === undefined ? [] : [`!uninstfinalize ${nsisString(finalizeUninstaller)}`]),
  ];
}

function defines(facts: NsisFacts): string[] {
  const { app, scope } = facts;
  const values: Record<string, string> = {
    APP_IDENTIFIER: app.identifier,
    UNINSTALL_KEY: `Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\${app.identifier}`,
    WEBVIEW2_KEY,
    WEBVIEW2_PAGE,
    PAYLOAD: NSIS_FILES.payload,
    FILE_LIST: NSIS_FILES.fileList,
    INSTALLED_MB: String(Math.ceil(facts.installedBytes / 1e6)),
    ...(facts.webview2Bootstrapper ? { WEBVIEW2_SETUP: NSIS_FILES.webview2 } : {}),
  };
  return [
    ...Object.entries(values).map(([name, value]) => `!define ${name} ${nsisString(value)}`),
    ...(scope === "machine" ? ["!define FOR_MACHINE"] : []),
    ...(facts.desktopShortcut === "ask" ? ["!define ASK_DESKTOP"] : []),
    '!include "LogicLib.nsh"',
    '!include "FileFunc.nsh"',
    '!include "TextFunc.nsh"',
    '!include "WinVer.nsh"',
    '!include "x64.nsh"',
    '!include "Sections.nsh"',
    "!insertmacro TrimNewLines",
    "!insertmacro un.TrimNewLines",
  ];
}

function pages({ license, desktopShortcut, runAfterInstall }: NsisFacts): string[] {
  const icon = nsisString(NSIS_FILES.icon);
  return [
    '!include "MUI2.nsh"',
    `!define MUI_ICON ${icon}`,
    `!define MUI_UNICON ${icon}`,
    "!define MUI_ABORTWARNING",
    ...(license === undefined ? [] : [`!insertmacro MUI_PAGE_LICENSE ${nsisString(license)}`]),
    ...(desktopShortcut === "ask" ? ["!define MUI_COMPONENTSPAGE_NODESC", "!insertmacro MUI_PAGE_COMPONENTS"] : []),
    "!define MUI_PAGE_CUSTOMFUNCTION_PRE SkipIfInstalled",
    "!insertmacro MUI_PAGE_DIRECTORY",
    "!insertmacro MUI_PAGE_INSTFILES",
    ...(runAfterInstall ? ["!define MUI_FINISHPAGE_RUN", "!define MUI_FINISHPAGE_RUN_FUNCTION RunApp"] : []),
    "!insertmacro MUI_PAGE_FINISH",
    "!define MUI_COMPONENTSPAGE_TEXT_TOP $(^UninstallingText)",
    "!insertmacro MUI_UNPAGE_COMPONENTS",
    "!insertmacro MUI_UNPAGE_INSTFILES",
    '!insertmacro MUI_LANGUAGE "English"',
  ];
}

/** Names reach the shared scripts in variables: a define would be read again, quotes and all. */
function names({ app, scope }: NsisFacts): string[] {
  const folder =
    scope === "machine" ? `$PROGRAMFILES64\\${nsisText(app.fileName)}` : `$LOCALAPPDATA\\Programs\\${app.slug}`;
  return [
    "!macro SetNames",
    `  StrCpy $DISPLAY_NAME ${nsisString(app.name)}`,
    `  StrCpy $LINK_NAME ${nsisString(app.fileName)}`,
    "!macroend",
    "Function SetDefaultFolder",
    `  StrCpy $INSTDIR "${folder}"`,
    "FunctionEnd",
  ];
}

/** The list that the uninstaller works through, UTF-16 with a byte order mark: files, then folders, the deepest first. */
export function renderFileList(entries: readonly { readonly path: string; readonly kind: string }[]): Uint8Array {
  const files = entries.filter(({ kind }) => kind === "file").map(({ path }) => path);
  const folders = entries.filter(({ kind }) => kind === "folder").map(({ path }) => `${path}/`);
  // A folder comes before what is in it; backwards it is the last.
  const lines = [...files, ...folders.reverse()].map((path) => `${path.replaceAll("/", "\\")}\r\n`);
  return Buffer.from(`\ufeff${lines.join("")}`, "utf16le");
}
