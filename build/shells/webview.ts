/**
 * The `webview` shell on disk: Bun, libwebview of `webview-bun`, and our own
 * JavaScript. Linux and Windows have `bin/` and `resources/`; macOS has a
 * `.app` whose main executable is the prebuilt launcher.
 */
import { join } from "node:path";
import { withoutNeeds } from "../formats/elf-dynamic.ts";
import { renderPlist } from "../formats/plist.ts";
import { archOf, executableSuffix, osOf, type Target } from "../plan/target.ts";
import { fileNameOf } from "./bundle-name.ts";
import {
  appFacts,
  copied,
  edited,
  jsonText,
  largeIcon,
  MINIMUM_MACOS,
  sidecarFiles,
  written,
  type AppLayout,
  type LayoutFile,
  type LayoutInput,
} from "./layout.ts";

/** Bun must neither install packages nor read a `.env` that lies in the working folder. */
const BUN_ARGS = ["--no-install", "--no-env-file"];

/**
 * The pkg-config of the machine that built libwebview had it linked with
 * Vulkan, of which it uses nothing. WebKitGTK does not bring it everywhere: on
 * Debian 12 a system with WebKitGTK alone could not load the library.
 */
const UNUSED_LIBRARIES = ["libvulkan.so.1"];

/** Lock entries that a webview app of this target takes files from. */
export function webviewVendor(target: Target): readonly string[] {
  return [`bun/${target}`, "webview"];
}

/** The app folder of a webview app. */
export async function layoutWebview(input: LayoutInput): Promise<AppLayout> {
  return osOf(input.target) === "darwin" ? await layoutDarwin(input) : await layoutFlat(input);
}

async function layoutFlat(input: LayoutInput): Promise<AppLayout> {
  const { config, target, iconFolder } = input;
  const { name, slug } = config.app;
  const suffix = executableSuffix(target);
  const sidecar = sidecarFiles(input.sidecar, {
    executables: "bin",
    resources: "resources",
    executablesFromResources: "../bin",
  });
  const files = [
    ...(await runtimeFiles(input, "bin")),
    ...shellFiles(input, "resources"),
    ...sidecar.files,
    written("resources/app.json", jsonText(appFacts(config, "webview", sidecar.facts))),
    copied("resources/icon.png", join(iconFolder, largeIcon(input.iconSizes)), "app code"),
  ];
  const args = [...BUN_ARGS, "resources/shell/main.js"];
  const executable = `bin/bun${suffix}`;
  if (osOf(target) === "linux") {
    return { bundleName: slug, launch: { executable, args, cwd: "", env: {} }, files, emptyFolders: [] };
  }
  const fileName = fileNameOf(name, slug, "win32");
  return {
    bundleName: fileName,
    launch: { executable: `${fileName}.exe`, args: [], cwd: "", env: {} },
    files: [
      ...files,
      copied(`${fileName}.exe`, launcherOf(input), "shell runtime", true),
      copied("resources/icon.ico", join(iconFolder, "icon.ico"), "app code"),
      written("launch.json", jsonText({ executable, args, cwd: ".", env: {} })),
    ],
    emptyFolders: [],
  };
}

async function layoutDarwin(input: LayoutInput): Promise<AppLayout> {
  const { config, iconFolder } = input;
  const { name, slug } = config.app;
  const sidecar = sidecarFiles(input.sidecar, {
    executables: "Contents/MacOS",
    resources: "Contents/Resources",
    executablesFromResources: "../MacOS",
  });
  return {
    bundleName: `${fileNameOf(name, slug, "darwin")}.app`,
    launch: { executable: `Contents/MacOS/${slug}`, args: [], cwd: "", env: {} },
    files: [
      written("Contents/Info.plist", infoPlist(input)),
      written("Contents/PkgInfo", "APPL????"),
      copied(`Contents/MacOS/${slug}`, launcherOf(input), "shell runtime", true),
      ...(await runtimeFiles(input, "Contents/MacOS")),
      ...shellFiles(input, "Contents/Resources"),
      ...sidecar.files,
      copied("Contents/Resources/AppIcon.icns", join(iconFolder, "icon.icns"), "app code"),
      written("Contents/Resources/app.json", jsonText(appFacts(config, "webview", sidecar.facts))),
      written(
        "Contents/Resources/launch.json",
        jsonText({ executable: "../MacOS/bun", args: [...BUN_ARGS, "shell/main.js"], cwd: ".", env: {} }),
      ),
    ],
    emptyFolders: [],
  };
}

/** Bun and libwebview, side by side: the shell looks for the library beside its Bun. */
async function runtimeFiles({ target, vendor }: LayoutInput, folder: string): Promise<readonly LayoutFile[]> {
  const [bun, webview] = await Promise.all([vendor.folder(`bun/${target}`), vendor.folder("webview")]);
  const bunName = `bun${executableSuffix(target)}`;
  const [from, to] = libraryOf(target);
  const library = join(webview, "build", from);
  return [
    copied(`${folder}/${bunName}`, join(bun, "bin", bunName), "shell runtime", true),
    osOf(target) === "linux"
      ? edited(`${folder}/${to}`, library, "shell runtime", true, (bytes) => withoutNeeds(bytes, UNUSED_LIBRARIES))
      : copied(`${folder}/${to}`, library, "shell runtime", true),
  ];
}

/** libwebview's name in the `webview-bun` package and beside Bun. */
function libraryOf(target: Target): readonly [from: string, to: string] {
  const os = osOf(target);
  if (os === "linux") return [`libwebview-${archOf(target)}.so`, "libwebview.so"];
  const name = os === "darwin" ? "libwebview.dylib" : "libwebview.dll";
  return [name, name];
}

function shellFiles({ shellFolder, shellFiles: files }: LayoutInput, resources: string): readonly LayoutFile[] {
  return files.map((path) => copied(`${resources}/shell/${path}`, join(shellFolder, path), "app code"));
}

function launcherOf({ launcherFolder, target }: LayoutInput): string {
  return join(launcherFolder, `${target}${executableSuffix(target)}`);
}

function infoPlist({ config }: LayoutInput): string {
  const { name, slug, identifier, version, publisher } = config.app;
  return renderPlist({
    CFBundleDevelopmentRegion: "en",
    CFBundleDisplayName: name,
    CFBundleExecutable: slug,
    CFBundleIconFile: "AppIcon",
    CFBundleIdentifier: identifier,
    CFBundleInfoDictionaryVersion: "6.0",
    CFBundleName: name,
    CFBundlePackageType: "APPL",
    // Apple takes digits and dots only; the full version is in app.json.
    CFBundleShortVersionString: version.split(/[-+]/)[0] ?? version,
    CFBundleSignature: "????",
    CFBundleVersion: version.split(/[-+]/)[0] ?? version,
    LSMinimumSystemVersion: MINIMUM_MACOS,
    NSAppTransportSecurity: { NSAllowsLocalNetworking: true },
    NSHighResolutionCapable: true,
    NSHumanReadableCopyright: publisher,
    NSSupportsAutomaticGraphicsSwitching: true,
  });
}
