/**
 * The configuration after defaults, validation and path resolution: frozen,
 * absolute paths, bytes instead of `"128 MB"`. Every stage reads this and
 * nothing else of the user's config.
 */
import type { Limit } from "./limit.ts";
import type { AppImageConfig } from "./package/appimage.ts";
import type { LinuxConfig } from "./package/linux.ts";
import type { SetupConfig } from "./package/setup.ts";
import type { MsixConfig } from "./package/msix.ts";
import type { PkgConfig } from "./package/pkg.ts";
import type { DmgConfig } from "./package/dmg.ts";
import type { FormatId } from "../plan/package-format.ts";
import type { Target, TargetOs } from "../plan/target.ts";
import type { ResolvedSigning } from "./resolved-signing.ts";

export type ShellKind = "electrobun" | "webview";
export type SidecarKind = "pkg" | "bun";
export type Compression = "best" | "fast";

/** What a byte of a finished app belongs to; the lanes of the size report. */
export const PARTS = ["shell runtime", "sidecar runtime", "natives", "app code", "database", "container"] as const;
export type Part = (typeof PARTS)[number];

/** Limits of one finished file. */
export interface FileBudget {
  /** At least one of them is a size. */
  readonly total: readonly Limit[];
  /** For a part's compressed contribution. */
  readonly parts: Readonly<Partial<Record<Part, readonly Limit[]>>>;
}

export interface ResolvedConfig {
  /** Folder of the config file, absolute; relative paths of the config start here. */
  readonly root: string;
  /** The config file, absolute. */
  readonly file: string;
  readonly app: {
    /** Display name: spaces, dots, quotes, CJK and emoji welcome. */
    readonly name: string;
    /** ASCII form for file names: `erth-assistant`. */
    readonly slug: string;
    readonly identifier: string;
    readonly version: string;
    readonly publisher: string;
    readonly description: string;
    /** One PNG (at least 512 x 512) or SVG, absolute. */
    readonly icon: string;
  };
  readonly shell: {
    readonly kind: ShellKind;
    /** The shell to fall back to when ElectroBun's core cannot be had; undefined makes that an error. */
    readonly fallback: "webview" | undefined;
    /** Entry of the shell's main process, absolute. */
    readonly entry: string;
    readonly window: {
      readonly title: string;
      readonly width: number;
      readonly height: number;
      readonly minWidth: number;
      readonly minHeight: number;
    };
  };
  readonly sidecar: {
    readonly kind: SidecarKind;
    /** Entry of the sidecar, absolute. */
    readonly entry: string;
  };
  /** Undefined for an app without a database. */
  readonly database: { readonly migrations: string } | undefined;
  readonly targets: readonly Target[];
  readonly package: {
    readonly compression: Compression;
    /** The files of each system, in order; never empty. */
    readonly formats: Readonly<Record<TargetOs, readonly FormatId[]>>;
    readonly appimage: AppImageConfig;
    readonly linux: LinuxConfig;
    readonly setup: SetupConfig;
    readonly msix: MsixConfig;
    readonly pkg: PkgConfig;
    readonly dmg: DmgConfig;
  };
  /** For each finished file of a target. */
  readonly budget: Readonly<Record<Target, FileBudget>>;
  readonly vendor: {
    /** Base URL tried instead of an archive's own host; `ERTH_MIRROR` wins over it. */
    readonly mirror: string | undefined;
    /** Lock entry name → local folder that stands in for it, absolute. */
    readonly folders: Readonly<Record<string, string>>;
  };
  readonly signing: ResolvedSigning;
}
