/**
 * What Windows gets to know of an installed app, as NSIS functions: links, the
 * list of programs, URL schemes and file types; and their exact inverse.
 * Follows Microsoft's "Uninstall Registry Key", "Registering an Application to
 * a URI Scheme" and "File Types". SHCTX is HKCU or HKLM, by the setup's scope.
 */
import type { NsisFacts } from "./nsis-facts.ts";
import { nsisPath, nsisString, nsisText } from "./nsis-text.ts";

const CLASSES = "Software\\Classes";

/** `Register`, `LinkOnDesktop` and `un.Unregister`. */
export function registerFunctions(facts: NsisFacts): string[] {
  return [
    "Function Register",
    ...indent([
      ...link("$SMPROGRAMS", facts),
      ...(facts.desktopShortcut === "always" ? ["Call LinkOnDesktop"] : []),
      ...programEntry(facts),
      ...facts.protocols.flatMap((scheme) => addProtocol(scheme, facts)),
      ...facts.fileTypes.flatMap((type) => addFileType(type, facts)),
    ]),
    "FunctionEnd",
    ...(facts.desktopShortcut === "never"
      ? []
      : ["Function LinkOnDesktop", ...indent(link("$DESKTOP", facts)), "FunctionEnd"]),
    "Function un.Unregister",
    ...indent([
      'Delete "$SMPROGRAMS\\$LINK_NAME.lnk"',
      ...(facts.desktopShortcut === "never" ? [] : ['Delete "$DESKTOP\\$LINK_NAME.lnk"']),
      ...facts.protocols.flatMap((scheme) => removeProtocol(scheme, facts)),
      ...facts.fileTypes.flatMap((type) => removeFileType(type, facts)),
      'DeleteRegKey SHCTX "${UNINSTALL_KEY}"',
    ]),
    "FunctionEnd",
  ];
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function inApp(path: string): string {
  return path === "" ? "$INSTDIR\\app" : `$INSTDIR\\app\\${nsisPath(path)}`;
}

function iconOf({ iconInApp, launch }: NsisFacts): string {
  return inApp(iconInApp ?? launch.executable);
}

/** `CreateShortcut` takes the working folder from the output path. */
function link(folder: string, facts: NsisFacts): string[] {
  const { launch, app } = facts;
  const args = nsisText(launch.args.map(quoteArgument).join(" "));
  return [
    `SetOutPath "${inApp(launch.cwd)}"`,
    `CreateShortcut "${folder}\\$LINK_NAME.lnk" "${inApp(launch.executable)}" "${args}" "${iconOf(facts)}" 0 SW_SHOWNORMAL "" ${nsisString(app.description || app.name)}`,
    'SetOutPath "$INSTDIR"',
  ];
}

/** As `CommandLineToArgvW` takes apart again. */
function quoteArgument(argument: string): string {
  if (argument !== "" && !/[\s"]/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}

function programEntry(facts: NsisFacts): string[] {
  const { app, installedBytes } = facts;
  const [major = "0", minor = "0"] = app.version.split(".");
  const texts: Record<string, string> = {
    DisplayName: nsisText(app.name),
    DisplayVersion: nsisText(app.version),
    Publisher: nsisText(app.publisher),
    ...(app.description === "" ? {} : { Comments: nsisText(app.description) }),
    DisplayIcon: iconOf(facts),
    InstallLocation: "$INSTDIR",
    UninstallString: '$\\"$INSTDIR\\Uninstall.exe$\\"',
    QuietUninstallString: '$\\"$INSTDIR\\Uninstall.exe$\\" /S',
  };
  const numbers = {
    // In units of 1024 bytes.
    EstimatedSize: Math.ceil(installedBytes / 1024),
    VersionMajor: Number(major),
    VersionMinor: Number(minor),
    NoModify: 1,
    NoRepair: 1,
  };
  return [
    ...Object.entries(texts).map(([name, value]) => `WriteRegStr SHCTX "\${UNINSTALL_KEY}" "${name}" "${value}"`),
    ...Object.entries(numbers).map(([name, value]) => `WriteRegDWORD SHCTX "\${UNINSTALL_KEY}" "${name}" ${value}`),
  ];
}

function openCommand({ launch }: NsisFacts): string {
  const args = launch.args.map((argument) => `${nsisText(quoteArgument(argument))} `).join("");
  return `$\\"${inApp(launch.executable)}$\\" ${args}$\\"%1$\\"`;
}

function addProtocol(scheme: string, facts: NsisFacts): string[] {
  const key = `${CLASSES}\\${scheme}`;
  return [
    `WriteRegStr SHCTX "${key}" "" "URL:${nsisText(facts.app.name)}"`,
    `WriteRegStr SHCTX "${key}" "URL Protocol" ""`,
    `WriteRegStr SHCTX "${key}\\DefaultIcon" "" "${iconOf(facts)}"`,
    `WriteRegStr SHCTX "${key}\\shell\\open\\command" "" "${openCommand(facts)}"`,
  ];
}

/** Another app may have taken the scheme meanwhile. */
function removeProtocol(scheme: string, facts: NsisFacts): string[] {
  const key = `${CLASSES}\\${scheme}`;
  return [
    `ReadRegStr $0 SHCTX "${key}\\shell\\open\\command" ""`,
    // Not in the condition itself, which is a macro and takes no backtick.
    `StrCpy $1 "${openCommand(facts)}"`,
    "${If} $0 == $1",
    `  DeleteRegKey SHCTX "${key}"`,
    "${EndIf}",
  ];
}

function programId(extension: string, { app }: NsisFacts): string {
  return `${app.identifier}.${extension}`;
}

/** Offered for the type; the default only where there is none. */
function addFileType({ extension, description }: NsisFacts["fileTypes"][number], facts: NsisFacts): string[] {
  const id = programId(extension, facts);
  return [
    `WriteRegStr SHCTX "${CLASSES}\\${id}" "" ${nsisString(description)}`,
    `WriteRegStr SHCTX "${CLASSES}\\${id}\\DefaultIcon" "" "${iconOf(facts)}"`,
    `WriteRegStr SHCTX "${CLASSES}\\${id}\\shell\\open\\command" "" "${openCommand(facts)}"`,
    `WriteRegNone SHCTX "${CLASSES}\\.${extension}\\OpenWithProgids" "${id}"`,
    `ReadRegStr $0 SHCTX "${CLASSES}\\.${extension}" ""`,
    '${If} $0 == ""',
    `  WriteRegStr SHCTX "${CLASSES}\\.${extension}" "" "${id}"`,
    "${EndIf}",
  ];
}

function removeFileType({ extension }: NsisFacts["fileTypes"][number], facts: NsisFacts): string[] {
  const id = programId(extension, facts);
  return [
    `DeleteRegKey SHCTX "${CLASSES}\\${id}"`,
    `DeleteRegValue SHCTX "${CLASSES}\\.${extension}\\OpenWithProgids" "${id}"`,
    `DeleteRegKey /ifempty SHCTX "${CLASSES}\\.${extension}\\OpenWithProgids"`,
    `ReadRegStr $0 SHCTX "${CLASSES}\\.${extension}" ""`,
    `\${If} $0 == "${id}"`,
    `  DeleteRegValue SHCTX "${CLASSES}\\.${extension}" ""`,
    "${EndIf}",
    `DeleteRegKey /ifempty SHCTX "${CLASSES}\\.${extension}"`,
  ];
}
