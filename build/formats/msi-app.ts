/** The rows about an app's files and folders, its links, URL schemes and file types. */
import type { Cell } from "./msi-database.ts";
import type { MsiFacts } from "./msi.ts";
import { msiCode, msiFileKey as fileKey, msiFileName, msiFormatted, msiKey } from "./msi-names.ts";
import type { MsiTable } from "./msi-schema.ts";

const FEATURE = "App";
const ROOT_MACHINE = 2;
/** msidbComponentAttributes64bit */
const COMPONENT_64 = 256;
/** Follow the parent, and always there. */
const FEATURE_REQUIRED = 16;
/** msidbFileAttributesVital */
const FILE_VITAL = 512;
const CLASSES = "Software\\Classes";

type Rows = readonly (readonly Cell[])[];

/** The rows of the tables that follow the app's tree. */
export function appRows(facts: MsiFacts): Partial<Record<MsiTable, Rows>> {
  const { app, files, folders, launch } = facts;
  const main = files.find(({ path }) => path === launch.executable);
  if (main === undefined) throw new Error(`the app has no file ${launch.executable}`);
  // Folders without a file of their own would neither be made nor removed.
  const bare = folders.filter((folder) => !files.some(({ path }) => parentOf(path) === folder));
  const components: Rows = [
    ...files.map(({ path }): readonly Cell[] => [
      componentKey(path),
      msiCode("component", app.identifier, path),
      folderKey(parentOf(path)),
      COMPONENT_64,
      null,
      fileKey(path),
    ]),
    ...bare.map((path): readonly Cell[] => [
      componentKey(`${path}/`),
      msiCode("component", app.identifier, `${path}/`),
      folderKey(path),
      COMPONENT_64,
      null,
      null,
    ]),
  ];
  return {
    Directory: directories(facts),
    Component: components,
    CreateFolder: bare.map((path) => [folderKey(path), componentKey(`${path}/`)]),
    File: files.map(({ path, bytes }, at) => [
      fileKey(path),
      componentKey(path),
      msiFileName(path.slice(path.lastIndexOf("/") + 1), path),
      bytes,
      null,
      null,
      FILE_VITAL,
      at + 1,
    ]),
    Feature: [[FEATURE, null, app.name.slice(0, 64), null, 1, 1, "INSTALLFOLDER", FEATURE_REQUIRED]],
    FeatureComponents: components.map(([component]) => [FEATURE, component ?? null]),
    Shortcut: shortcuts(facts),
    Registry: registry(facts),
  };
}

function parentOf(path: string): string {
  return path.split("/").slice(0, -1).join("/");
}

function folderKey(folder: string): string {
  return folder === "" ? "INSTALLFOLDER" : msiKey("d", folder);
}

function componentKey(path: string): string {
  return msiKey("c", path);
}

function directories({ app, folders, desktopShortcut }: MsiFacts): Rows {
  return [
    ["TARGETDIR", null, "SourceDir"],
    ["ProgramFiles64Folder", "TARGETDIR", "."],
    ["ProgramMenuFolder", "TARGETDIR", "."],
    ...(desktopShortcut ? [["DesktopFolder", "TARGETDIR", "."]] : []),
    ["INSTALLFOLDER", "ProgramFiles64Folder", msiFileName(app.fileName, app.fileName)],
    ...folders.map((path): readonly Cell[] => [
      folderKey(path),
      folderKey(parentOf(path)),
      msiFileName(path.slice(path.lastIndexOf("/") + 1), path),
    ]),
  ];
}

/** Links are not advertised: they name the file itself. */
function shortcuts({ app, launch, desktopShortcut }: MsiFacts): Rows {
  const row = (key: string, directory: string): readonly Cell[] => [
    key,
    directory,
    msiFileName(app.fileName, `${app.fileName}.lnk`),
    componentKey(launch.executable),
    `[#${fileKey(launch.executable)}]`,
    launch.args.length === 0 ? null : launch.args.map(quoted).map(msiFormatted).join(" "),
    app.description === "" ? app.name : app.description,
    null,
    null,
    null,
    1,
    folderKey(launch.cwd),
  ];
  return [row("StartMenu", "ProgramMenuFolder"), ...(desktopShortcut ? [row("Desktop", "DesktopFolder")] : [])];
}

function quoted(argument: string): string {
  if (argument !== "" && !/[\s"]/.test(argument)) return argument;
  return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}

/** As "Registering an Application to a URI Scheme" and "File Types" have it. */
function registry(facts: MsiFacts): Rows {
  const { app, launch, protocols, fileTypes } = facts;
  const component = componentKey(launch.executable);
  const program = `"[#${fileKey(launch.executable)}]"`;
  const args = launch.args.map((argument) => `${msiFormatted(quoted(argument))} `).join("");
  const icon = `[#${fileKey(launch.executable)}]`;
  const rows: (readonly Cell[])[] = [];
  const set = (key: string, name: string | null, value: string | null): void => {
    rows.push([`r_${rows.length + 1}`, ROOT_MACHINE, `${CLASSES}\\${key}`, name, value, component]);
  };
  for (const scheme of protocols) {
    set(scheme, null, `URL:${msiFormatted(app.name)}`);
    set(scheme, "URL Protocol", null);
    set(`${scheme}\\DefaultIcon`, null, icon);
    set(`${scheme}\\shell\\open\\command`, null, `${program} ${args}"%1"`);
  }
  for (const { extension, description } of fileTypes) {
    const id = `${app.identifier}.${extension}`;
    set(id, null, msiFormatted(description));
    set(`${id}\\DefaultIcon`, null, icon);
    set(`${id}\\shell\\open\\command`, null, `${program} ${args}"%1"`);
    set(`.${extension}\\OpenWithProgids`, id, null);
  }
  return rows;
}
