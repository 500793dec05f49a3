/** The files that a user can get: which formats there are, for which systems, and what each file is called. */
import type { TargetOs } from "./target.ts";

interface FormatFacts {
  readonly os: readonly TargetOs[];
  /** What follows `<slug>-<version>-<target>`. */
  readonly suffix: string;
  /** How it is made, for `erth plan`. */
  readonly made: string;
  /** Whether the file itself is started. */
  readonly isExecutable: boolean;
  /** The signature that the finished file itself gets. */
  readonly signature: FileSignature;
}

/** "inside": only what it holds is signed; "detached": files beside it, which AppImages get too; the others are in the file, each in its format's way. */
export type FileSignature = "inside" | "detached" | "dmg" | "pkg" | "authenticode" | "msix" | "appimage" | "rpm";

/** Every format, in the order in which a release lists its files. */
export const PACKAGE_FORMATS = {
  "single-file": {
    os: ["linux"],
    suffix: "",
    made: "one executable file, zstd",
    isExecutable: true,
    signature: "detached",
  },
  dmg: {
    os: ["darwin"],
    suffix: ".dmg",
    made: "a disk image, HFS Plus in LZMA or zlib",
    isExecutable: false,
    signature: "dmg",
  },
  pkg: {
    os: ["darwin"],
    suffix: ".pkg",
    made: "an installer package, gzip inside",
    isExecutable: false,
    signature: "pkg",
  },
  appimage: {
    os: ["linux"],
    suffix: ".AppImage",
    made: "an AppImage, zstd inside",
    isExecutable: true,
    signature: "appimage",
  },
  deb: { os: ["linux"], suffix: ".deb", made: "a Debian package, xz", isExecutable: false, signature: "detached" },
  rpm: { os: ["linux"], suffix: ".rpm", made: "an RPM package, xz", isExecutable: false, signature: "rpm" },
  "tar.zst": {
    os: ["linux"],
    suffix: ".tar.zst",
    made: "the app in a tar, zstd",
    isExecutable: false,
    signature: "detached",
  },
  setup: {
    os: ["win32"],
    suffix: "-setup.exe",
    made: "a setup by NSIS, zstd inside",
    isExecutable: true,
    signature: "authenticode",
  },
  msi: {
    os: ["win32"],
    suffix: ".msi",
    made: "a Windows Installer package, MSZIP",
    isExecutable: false,
    signature: "authenticode",
  },
  msix: {
    os: ["win32"],
    suffix: ".msix",
    made: "an app package, deflated by blocks",
    isExecutable: false,
    signature: "msix",
  },
  portable: {
    os: ["win32"],
    suffix: "-portable.exe",
    made: "one program, zstd",
    isExecutable: true,
    signature: "authenticode",
  },
  zip: {
    os: ["darwin", "win32"],
    suffix: ".zip",
    made: "the app in a zip",
    isExecutable: false,
    signature: "inside",
  },
} as const satisfies Readonly<Record<string, FormatFacts>>;

export type FormatId = keyof typeof PACKAGE_FORMATS;

// `keys` forgets what PACKAGE_FORMATS has just said.
export const FORMAT_IDS = Object.keys(PACKAGE_FORMATS) as readonly FormatId[];

/** What a target gets when the config names no formats. */
export const DEFAULT_FORMATS: Readonly<Record<TargetOs, readonly FormatId[]>> = {
  darwin: ["zip"],
  win32: ["zip"],
  linux: ["single-file"],
};

export function isFormat(text: string): text is FormatId {
  return Object.hasOwn(PACKAGE_FORMATS, text);
}

/** The formats that a system can have, in order. */
export function formatsOf(os: TargetOs): readonly FormatId[] {
  return FORMAT_IDS.filter((id) => (PACKAGE_FORMATS[id].os as readonly TargetOs[]).includes(os));
}

/** `<slug>-<version>-<target>` and the format's own ending. */
export function fileNameOf(stem: string, format: FormatId): string {
  return `${stem}${PACKAGE_FORMATS[format].suffix}`;
}
