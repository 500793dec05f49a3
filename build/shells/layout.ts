/** A finished app folder before it exists: every file with its source, mode and part. */
import type { AppFacts, SidecarFacts } from "../../runtime/base/app-facts.ts";
import type { Launch, Segment } from "../artifacts/artifact.ts";
import type { Part, ResolvedConfig, ShellKind, SidecarKind } from "../config/resolved-config.ts";
import type { Target } from "../plan/target.ts";
import type { Vendor } from "../vendor/vendor.ts";

type Edit = (bytes: Uint8Array) => Uint8Array;

/** The oldest macOS that Bun, and with it every shell, runs on. */
export const MINIMUM_MACOS = "13.0";

export interface LayoutFile {
  /** In the app folder, "/" separated. */
  readonly path: string;
  /** A file to copy, absolute, and how the bytes of a small one change on the way; or the text itself. */
  readonly source: { readonly file: string; readonly edit?: Edit } | { readonly text: string };
  readonly isExecutable: boolean;
  readonly part: Part | readonly Segment[];
}

export interface AppLayout {
  /** What the folder is called at the user's. */
  readonly bundleName: string;
  readonly launch: Launch;
  readonly files: readonly LayoutFile[];
  /** Folders that the platform expects even where they hold nothing. */
  readonly emptyFolders: readonly string[];
}

/** What a shell's layout is made of. */
export interface LayoutInput {
  readonly config: Pick<ResolvedConfig, "app" | "shell">;
  readonly target: Target;
  readonly vendor: Vendor;
  /** Folder of this shell's JavaScript. */
  readonly shellFolder: string;
  /** Files in it, "/" separated, sorted. */
  readonly shellFiles: readonly string[];
  /** Folder of `icon.icns`, `icon.ico`, `icon-<size>.png`. */
  readonly iconFolder: string;
  readonly iconSizes: readonly number[];
  readonly sidecar: SidecarInput;
  /** Folder of the prebuilt launchers, one per target. */
  readonly launcherFolder: string;
  /** Changes whenever the content of the finished app does; hex. */
  readonly contentDigest: string;
}

export interface SidecarInput {
  readonly kind: SidecarKind;
  readonly folder: string;
  /** Files in it, "/" separated, sorted. */
  readonly files: readonly string[];
  readonly entry: string;
  readonly segments: Readonly<Record<string, readonly Segment[]>>;
}

/** A file copied from elsewhere. */
export function copied(path: string, file: string, part: LayoutFile["part"], isExecutable = false): LayoutFile {
  return { path, source: { file }, isExecutable, part };
}

/** A small file copied from elsewhere and changed on the way; the same bytes in, the same bytes out. */
export function edited(
  path: string,
  file: string,
  part: LayoutFile["part"],
  isExecutable: boolean,
  edit: Edit,
): LayoutFile {
  return { path, source: { file, edit }, isExecutable, part };
}

/** A file written by us; app code, as metadata is. */
export function written(path: string, text: string): LayoutFile {
  return { path, source: { text }, isExecutable: false, part: "app code" };
}

/** `app.json`; `sidecar` is relative to the folder that holds it. */
export function appFacts(config: LayoutInput["config"], shell: ShellKind, sidecar: SidecarFacts): AppFacts {
  const { name, slug, identifier, version } = config.app;
  const { title, width, height, minWidth, minHeight } = config.shell.window;
  return {
    v: 1,
    name,
    slug,
    identifier,
    version,
    shell,
    window: { title, width, height, minWidth, minHeight },
    sidecar,
  };
}

/** The text of a JSON file for people and programs: two spaces, a newline at the end. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/**
 * The sidecar's files: a `pkg` one beside the other executables, where macOS
 * signs it as code; a `bun` one below the resources, run by the shell's Bun.
 * The facts' path is relative to the resources folder.
 */
export function sidecarFiles(
  { kind, folder, files, entry, segments }: SidecarInput,
  places: { readonly executables: string; readonly resources: string; readonly executablesFromResources: string },
): { readonly files: readonly LayoutFile[]; readonly facts: SidecarFacts } {
  const base = kind === "pkg" ? places.executables : `${places.resources}/sidecar`;
  const partOf = (path: string): LayoutFile["part"] => {
    const known = segments[path];
    if (known !== undefined) return known;
    if (path.endsWith(".node")) return "natives";
    return kind === "pkg" ? "sidecar runtime" : "app code";
  };
  return {
    files: files.map((path) =>
      copied(`${base}/${path}`, `${folder}/${path}`, partOf(path), kind === "pkg" && path === entry),
    ),
    facts:
      kind === "pkg"
        ? { kind, executable: `${places.executablesFromResources}/${entry}` }
        : { kind, script: `sidecar/${entry}` },
  };
}

/** The PNG nearest to 512 pixels from above, else the largest. */
export function largeIcon(sizes: readonly number[]): string {
  const sorted = [...sizes].sort((a, b) => a - b);
  return `icon-${sorted.find((size) => size >= 512) ?? sorted.at(-1) ?? 512}.png`;
}
