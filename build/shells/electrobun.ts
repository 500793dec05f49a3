/**
 * The `electrobun` shell on disk, laid out as `electrobun build --env=stable`
 * of ElectroBun 1.18.1 lays it out (`src/cli/index.ts`: `createAppBundle` and
 * `runBuild`), plus our `app.json` and the sidecar. `main.js` comes from the
 * npm package, which a lock can pin, also where the core archive has one.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ErthError } from "../../runtime/base/errors.ts";
import { escapeXml } from "../formats/plist.ts";
import { executableSuffix, osOf, type Target, type TargetOs } from "../plan/target.ts";
import { fileNameOf } from "./bundle-name.ts";
import { ELECTROBUN_BUN_VERSION, ELECTROBUN_VERSION } from "./electrobun-version.ts";
import {
  appFacts,
  copied,
  jsonText,
  largeIcon,
  sidecarFiles,
  written,
  type AppLayout,
  type LayoutFile,
  type LayoutInput,
} from "./layout.ts";

/** Lock entries that an electrobun app of this target takes files from. */
export function electrobunVendor(target: Target): readonly string[] {
  return [`bun/${target}`, "electrobun", `electrobun-core/${target}`];
}

/** Where things go, relative to the bundle. */
interface Places {
  readonly contents: string;
  readonly executables: string;
  readonly resources: string;
  readonly frameworks: string;
  readonly executablesFromResources: string;
}

const FLAT: Places = {
  contents: "",
  executables: "bin",
  resources: "Resources",
  frameworks: "lib",
  executablesFromResources: "../bin",
};
const DARWIN: Places = {
  contents: "Contents/",
  executables: "Contents/MacOS",
  resources: "Contents/Resources",
  frameworks: "Contents/Frameworks",
  executablesFromResources: "../MacOS",
};

/** The app folder of an electrobun app. Throws `ELECTROBUN_CORE` naming every file that the core lacks. */
export async function layoutElectrobun(input: LayoutInput): Promise<AppLayout> {
  const { config, target, vendor, iconFolder } = input;
  const os = osOf(target);
  const suffix = executableSuffix(target);
  const places = os === "darwin" ? DARWIN : FLAT;
  const { executables, resources } = places;
  const [bun, sdk, core] = await Promise.all(electrobunVendor(target).map((name) => vendor.folder(name)));
  if (bun === undefined || sdk === undefined || core === undefined)
    throw new Error("three lock entries, three folders");

  const displayName = fileNameOf(config.app.name, config.app.slug, os);
  // `getAppFileName`: spaces go, except in the macOS bundle's own name.
  const appFileName = displayName.replaceAll(" ", "");
  const bundleName = os === "darwin" ? displayName : appFileName;
  const sidecar = sidecarFiles(input.sidecar, places);

  return {
    bundleName: os === "darwin" ? `${bundleName}.app` : bundleName,
    launch: { executable: `${executables}/launcher${suffix}`, args: [], cwd: executables, env: {} },
    files: [
      written(`${places.contents}Info.plist`, infoPlist(config.app.identifier, bundleName, config.app.version)),
      ...coreFiles(core, os, suffix, executables),
      copied(`${executables}/bun${suffix}`, join(bun, "bin", `bun${suffix}`), "shell runtime", true),
      copied(`${resources}/main.js`, join(sdk, "dist", "main.js"), "shell runtime"),
      written(`${resources}/version.json`, versionJson(input, appFileName)),
      written(`${resources}/build.json`, buildJson()),
      ...iconFiles(input, os, resources, iconFolder),
      ...(os === "linux" ? [desktopFile(input)] : []),
      ...input.shellFiles.map((path) =>
        copied(`${resources}/app/bun/${path}`, join(input.shellFolder, path), "app code"),
      ),
      ...sidecar.files,
      written(`${resources}/app.json`, jsonText(appFacts(config, "electrobun", sidecar.facts))),
    ],
    emptyFolders: [places.frameworks],
  };
}

/** Executables and libraries of the core archive, under the names that the SDK and the launcher look for. */
function coreFiles(core: string, os: TargetOs, suffix: string, executables: string): readonly LayoutFile[] {
  const required: (readonly [from: string, to: string])[] = [
    [`launcher${suffix}`, `launcher${suffix}`],
    [`bspatch${suffix}`, `bspatch${suffix}`],
    [`zig-zstd${suffix}`, `zig-zstd${suffix}`],
  ];
  // The CLI copies these where the archive has them.
  const optional: (readonly [from: string, to: string])[] = [];
  if (os === "win32") {
    required.push(["libNativeWrapper.dll", "libNativeWrapper.dll"], ["WebView2Loader.dll", "WebView2Loader.dll"]);
    optional.push(["zig-asar/x64/libasar.dll", "libasar.dll"], ["zig-asar/arm64/libasar.dll", "libasar-arm64.dll"]);
  } else {
    const library = os === "darwin" ? "dylib" : "so";
    required.push([`libNativeWrapper.${library}`, `libNativeWrapper.${library}`]);
    // libNativeWrapper.so links against it, with or without an asar.
    (os === "linux" ? required : optional).push([`libasar.${library}`, `libasar.${library}`]);
  }
  const missing = required.filter(([from]) => !existsSync(join(core, from))).map(([from]) => from);
  if (missing.length > 0) {
    throw new ErthError({
      code: "ELECTROBUN_CORE",
      message: `${core} is not the core of ElectroBun ${ELECTROBUN_VERSION}: it lacks ${missing.join(", ")}.`,
      remedy: `give the unpacked electrobun-core archive of v${ELECTROBUN_VERSION}, then erth lock`,
      facts: { missing },
    });
  }
  return [...required, ...optional.filter(([from]) => existsSync(join(core, from)))].map(([from, to]) =>
    copied(`${executables}/${to}`, join(core, from), "shell runtime", true),
  );
}

function iconFiles(input: LayoutInput, os: TargetOs, resources: string, folder: string): readonly LayoutFile[] {
  if (os === "darwin") return [copied(`${resources}/AppIcon.icns`, join(folder, "icon.icns"), "app code")];
  if (os === "win32") return [copied(`${resources}/app.ico`, join(folder, "icon.ico"), "app code")];
  const png = join(folder, largeIcon(input.iconSizes));
  return [copied(`${resources}/appIcon.png`, png, "app code"), copied(`${resources}/app/icon.png`, png, "app code")];
}

/** `CLI:2467`, byte for byte for names without XML's own characters, which the CLI forgets to escape. */
function infoPlist(identifier: string, bundleName: string, version: string): string {
  const entries = [
    ["CFBundleExecutable", "launcher"],
    ["CFBundleIdentifier", identifier],
    ["CFBundleName", bundleName],
    ["CFBundleVersion", version],
    ["CFBundlePackageType", "APPL"],
    ["CFBundleIconFile", "AppIcon"],
  ] as const;
  const lines = entries.map(([key, value]) => `    <key>${key}</key>\n    <string>${escapeXml(value)}</string>`);
  return `<?xml version="1.0" encoding="UTF-8"?>

<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
${lines.join("\n")}
</dict>
</plist>`;
}

/**
 * ElectroBun's hash covers mtimes and differs at every build; ours follows the
 * content, in the same alphabet. Clients only ever compare it for equality.
 */
function versionJson({ config, contentDigest }: LayoutInput, appFileName: string): string {
  return JSON.stringify({
    version: config.app.version,
    hash: BigInt(`0x${contentDigest.slice(0, 16)}`).toString(36),
    channel: "stable",
    baseUrl: "",
    name: appFileName,
    identifier: config.app.identifier,
  });
}

function buildJson(): string {
  return JSON.stringify({
    defaultRenderer: "native",
    availableRenderers: ["native"],
    runtime: {},
    bunVersion: ELECTROBUN_BUN_VERSION,
  });
}

/** `CLI:2342`; values are escaped as the Desktop Entry Specification's "string" type asks. */
function desktopFile({ config }: LayoutInput): LayoutFile {
  const { name, description } = config.app;
  const value = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return written(
    `${fileNameOf(name, config.app.slug, "linux")}.desktop`,
    `[Desktop Entry]
Version=1.0
Type=Application
Name=${value(name)}
Comment=${value(description || `${name} application`)}
Exec=launcher
Icon=appIcon.png
Terminal=false
StartupWMClass=${value(name)}
Categories=Utility;Application;
`,
  );
}
