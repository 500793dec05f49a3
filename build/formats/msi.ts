/**
 * What a Windows Installer package says of an app, as the rows of its tables:
 * for all users, silent, one feature, one component for each file (as the
 * documentation's component rules ask), upgrades that replace the version
 * before in one transaction. Codes come from the identifier and the content.
 */
import { appRows } from "./msi-app.ts";
import { encodeDatabase, type Cell, type DatabaseStream, type Table } from "./msi-database.ts";
import { msiCode, msiFormatted } from "./msi-names.ts";
import { MSI_SCHEMA, type MsiTable } from "./msi-schema.ts";
import { sequenceRows } from "./msi-sequences.ts";

export interface MsiFile {
  /** "/" separated. */
  readonly path: string;
  readonly bytes: number;
}

export interface MsiFacts {
  readonly app: {
    readonly name: string;
    /** The name as Windows takes it in a file name. */
    readonly fileName: string;
    readonly identifier: string;
    readonly version: string;
    readonly publisher: string;
    readonly description: string;
  };
  readonly launch: { readonly executable: string; readonly args: readonly string[]; readonly cwd: string };
  /** In the order of the cabinet. */
  readonly files: readonly MsiFile[];
  /** Every folder; a folder comes before what is in it. */
  readonly folders: readonly string[];
  /** Hex; follows everything in the app. */
  readonly contentDigest: string;
  readonly protocols: readonly string[];
  readonly fileTypes: readonly { readonly extension: string; readonly description: string }[];
  readonly desktopShortcut: boolean;
}

export interface MsiParts {
  readonly streams: readonly DatabaseStream[];
  readonly productCode: string;
  readonly upgradeCode: string;
}

/** Name of the cabinet's stream, and of the icon in the list of programs. */
export const CABINET_NAME = "app.cab";
export const ICON_NAME = "app.ico";

const WEBVIEW2_CLIENT = "Microsoft\\EdgeUpdate\\Clients\\{F3017226-FE2A-4295-8BDF-00C3A9A7E4C5}";
const ROOT_USER = 1;
const ROOT_MACHINE = 2;
/** msidbLocatorTypeRawValue, and the 64-bit view, from which WOW6432Node is a name like any other. */
const RAW_VALUE_64 = 2 + 16;
const UPGRADE = { onlyDetect: 0x002, minInclusive: 0x100, maxInclusive: 0x200 } as const;
const SET_PROPERTY = 51;

/** All tables as streams, without cabinet, icon and summary. */
export function renderMsi(facts: MsiFacts): MsiParts {
  const { app } = facts;
  const version = msiVersion(app.version);
  const upgradeCode = msiCode("upgrade", app.identifier);
  const productCode = msiCode("product", app.identifier, app.version, facts.contentDigest);
  const rows: Partial<Record<MsiTable, readonly (readonly Cell[])[]>> = {
    ...appRows(facts),
    ...sequenceRows(),
    Property: Object.entries(properties(facts, { version, upgradeCode, productCode })),
    Media: [[1, facts.files.length, null, `#${CABINET_NAME}`, null, null]],
    Icon: [[ICON_NAME, true]],
    Upgrade: [
      // The same version counts as older: another prerelease, or another build.
      [upgradeCode, "0.0.0", version, null, UPGRADE.minInclusive | UPGRADE.maxInclusive, null, "OLDERFOUND"],
      [upgradeCode, version, null, null, UPGRADE.onlyDetect, null, "NEWERFOUND"],
    ],
    CustomAction: [["SetInstallLocation", SET_PROPERTY, "ARPINSTALLLOCATION", "[INSTALLFOLDER]"]],
    AppSearch: [
      ["WEBVIEW2MACHINE", "WebView2Machine"],
      ["WEBVIEW2USER", "WebView2User"],
    ],
    RegLocator: [
      ["WebView2Machine", ROOT_MACHINE, `SOFTWARE\\WOW6432Node\\${WEBVIEW2_CLIENT}`, "pv", RAW_VALUE_64],
      ["WebView2User", ROOT_USER, `Software\\${WEBVIEW2_CLIENT}`, "pv", RAW_VALUE_64],
    ],
    LaunchCondition: launchConditions(app.name),
  };
  const tables = Object.entries(MSI_SCHEMA).map(([name, columns]): Table => ({
    name,
    columns,
    rows: rows[name as MsiTable] ?? [],
  }));
  return { streams: encodeDatabase(tables), productCode, upgradeCode };
}

/** The three numbers that Windows Installer compares. */
export function msiVersion(version: string): string {
  return version.split("-")[0] ?? version;
}

/** Its first two numbers are bytes; a version that does not fit would never upgrade. */
export function fitsMsi(version: string): boolean {
  const [major = 0, minor = 0] = msiVersion(version).split(".").map(Number);
  return major <= 255 && minor <= 255;
}

function properties(
  { app }: MsiFacts,
  codes: { readonly version: string; readonly upgradeCode: string; readonly productCode: string },
): Record<string, string> {
  return {
    ALLUSERS: "1",
    ARPNOMODIFY: "1",
    ARPPRODUCTICON: ICON_NAME,
    ...(app.description === "" ? {} : { ARPCOMMENTS: app.description }),
    Manufacturer: app.publisher,
    ProductCode: codes.productCode,
    ProductLanguage: "1033",
    ProductName: app.name,
    ProductVersion: codes.version,
    // Every file, whatever its own version says: an older runtime in a newer app is meant.
    REINSTALLMODE: "amus",
    SecureCustomProperties: "NEWERFOUND;NOWEBVIEW2;OLDERFOUND",
    UpgradeCode: codes.upgradeCode,
  };
}

function launchConditions(name: string): readonly (readonly Cell[])[] {
  const app = msiFormatted(name);
  return [
    ["Installed OR NOT NEWERFOUND", `A newer version of ${app} is installed already.`],
    [
      "Installed OR WEBVIEW2MACHINE OR WEBVIEW2USER OR NOWEBVIEW2",
      `${app} needs the Microsoft Edge WebView2 Runtime. Install it first, or pass NOWEBVIEW2=1.`,
    ],
  ];
}
