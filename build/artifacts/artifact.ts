/** What stages hand to each other: files and folders with a kind, a digest and facts. */
import type { SubmissionRecord } from "../../signing/apple/notary/submission.ts";
import type { WhoSigned } from "../../signing/who-signed.ts";
import type { Part, ShellKind, SidecarKind } from "../config/resolved-config.ts";
import type { FormatId } from "../plan/package-format.ts";
import type { Target } from "../plan/target.ts";

export type Sha256 = string & { readonly brand: "sha256" };

/** A run of bytes in a file that belongs to one part; cut points for compression and the size report. */
export interface Segment {
  readonly part: Part;
  readonly offset: number;
  readonly length: number;
}

/** What each kind knows beyond its bytes. A kind names a state, so order is typed. */
export interface ArtifactFacts {
  /** Folder: one subfolder per shell kind in the plan (`webview/`, `electrobun/`), its JavaScript inside; the same for every target. */
  "shell-bundle": { readonly shells: readonly ShellKind[] };
  /** Folder: `database.json` (a `DatabaseBundle` without the seed) and `seed.db`. */
  database: { readonly schemaVersion: number; readonly migrations: readonly string[] };
  /** Folder: `main.js` and `metafile.json`, the same for every target. */
  "sidecar-bundle": {
    readonly natives: readonly string[];
    /** Bytes of the script by package (`sidecars/bundle-weights.ts`). */
    readonly packages: Readonly<Record<string, number>>;
  };
  /** Folder: `icon.icns`, `icon.ico`, `icon-<size>.png`. */
  icons: { readonly sizes: readonly number[] };
  /** Folder: what goes beside or inside the shell for the sidecar. */
  sidecar: {
    readonly kind: SidecarKind;
    /** File to start, relative to the folder. */
    readonly entry: string;
    /** Path in the folder → its segments, where a file holds more than one part. */
    readonly segments: Readonly<Record<string, readonly Segment[]>>;
  };
  /** Folder: everything an installed app needs, in its platform's own layout; on macOS the `.app` itself. */
  app: AppFolderFacts;
  /** Folder: the app of Windows whose own programs bear its icon, version and manifest. */
  "branded-app": AppFolderFacts;
  /** Folder: the same app with its code signed; on macOS every Mach-O and the bundle's seal. */
  "signed-app": AppFolderFacts;
  /** Folder: the signed app of macOS with its notarization ticket. */
  "stapled-app": AppFolderFacts;
  /** One file for the user. */
  installer: InstallerFacts;
  /** The same file with a signature of its own. */
  "signed-installer": InstallerFacts;
  /** The signed file with its notarization ticket. */
  "stapled-installer": InstallerFacts;
  /** A file that goes beside an installer: a detached signature, a zsync control file. */
  companion: CompanionFacts;
  /** `notarization.json`: Apple's word on an app (`format` undefined) or on a file. */
  notarization: NotarizationFacts & { readonly format: FormatId | undefined };
  /** `proof.json`: what was shown of a finished file, and what was not. */
  proof: ProofFacts;
}

/** A submission to Apple's notary, and how far it has come. */
export interface NotarizationFacts {
  readonly state: "submitted" | "accepted" | "stapled";
  /** Absent where Apple's own notarytool submitted it. */
  readonly record?: SubmissionRecord | undefined;
}

export interface ProofFacts {
  readonly format: FormatId;
  readonly proven: readonly string[];
  /** With the reason. */
  readonly unproven: readonly string[];
}

/**
 * A state that its stage was skipped for is met by the state before it: what
 * needs a stapled app takes a signed one where nothing is notarized.
 */
export const STATE_BEFORE: Readonly<Partial<Record<ArtifactKind, ArtifactKind>>> = {
  "stapled-app": "signed-app",
  "signed-app": "branded-app",
  "branded-app": "app",
  "stapled-installer": "signed-installer",
  "signed-installer": "installer",
};

/** The states of an app folder, the last one first. */
export const APP_STATES = ["stapled-app", "signed-app", "branded-app", "app"] as const;
export type AppState = (typeof APP_STATES)[number];

/** The states of a file for the user, the last one first. */
export const INSTALLER_STATES = ["stapled-installer", "signed-installer", "installer"] as const;
export type InstallerState = (typeof INSTALLER_STATES)[number];

export interface InstallerFacts {
  readonly format: FormatId;
  /** Null: nobody. */
  readonly signedBy: string | null;
  /** The app's own signature, and the file's where its format has one. */
  readonly codeSignature?: WhoSigned | undefined;
  readonly signature?: WhoSigned | undefined;
  /** Apple's word on the app inside, or on the file itself. */
  readonly notarization?: NotarizationFacts | undefined;
  readonly shell: ShellKind;
  /** Digest of the app folder inside. */
  readonly app: Sha256;
  /** Compressed contribution in bytes by part; sums up to the file's size. */
  readonly compressedBytes: Readonly<Record<Part, number>>;
  /** Installed size in bytes by part. */
  readonly diskBytes: Readonly<Record<Part, number>>;
}

export interface CompanionFacts {
  /** What it is for, as the manifest says it. */
  readonly role: "openpgp" | "minisign" | "zsync";
  /** The format of the file that it belongs to. */
  readonly format: FormatId;
  /** What follows that file's name: `.asc`. */
  readonly suffix: string;
  /** Whose signature it is; absent for what is none. */
  readonly signedBy?: string | undefined;
}

export interface AppFolderFacts {
  /** What the folder is called at the user's: `ERTH Assistant.app`, `erth-assistant`. */
  readonly bundleName: string;
  readonly identifier: string;
  readonly shell: ShellKind;
  readonly launch: Launch;
  /** Who signed its code; null: nobody. */
  readonly signedBy: string | null;
  readonly signature?: WhoSigned | undefined;
  readonly notarization?: NotarizationFacts | undefined;
  /** Path in the folder → the part it belongs to, or its segments. Every file is named. */
  readonly parts: Readonly<Record<string, Part | readonly Segment[]>>;
}

/** How to start an app folder. Paths are relative to it and "/" separated. */
export interface Launch {
  readonly executable: string;
  readonly args: readonly string[];
  /** Working folder, relative; "" is the app folder. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export type ArtifactKind = keyof ArtifactFacts;

/** A finished output. Signing makes a new artifact whose `from` names the old one. */
export interface ArtifactOf<K extends ArtifactKind> {
  readonly kind: K;
  /** "any" where the bytes are the same for every target. */
  readonly target: Target | "any";
  /** Absolute while building; the manifest names finished files relative to the output folder. */
  readonly path: string;
  /** Size of the file, or of all files in the folder. */
  readonly bytes: number;
  /** Of the file, or of the folder's tree (`artifacts/tree.ts`). */
  readonly sha256: Sha256;
  readonly from: readonly Sha256[];
  readonly facts: Readonly<ArtifactFacts[K]>;
}

export type Artifact<K extends ArtifactKind = ArtifactKind> = { [P in K]: ArtifactOf<P> }[K];

/** What a stage returns: `run.ts` hashes and records it. */
export type Draft<K extends ArtifactKind> = {
  [P in K]: {
    readonly kind: P;
    /** Absolute, inside the stage's own `workFolder`. */
    readonly path: string;
    readonly facts: ArtifactFacts[P];
  };
}[K];
