/** The release, read from top to bottom, for each OS. */
import { type FormatId, formatsOf } from "../plan/package-format.ts";
import type { TargetOs } from "../plan/target.ts";
import { assembleApp } from "./assemble-app.ts";
import { brandApp } from "./brand-app.ts";
import { notarizeApp, stapleApp } from "./notarize-app.ts";
import { notarizeStages } from "./notarize-file.ts";
import { database } from "./database.ts";
import { icons } from "./icons.ts";
import { packageStage } from "./package.ts";
import { shellBundle } from "./shell-bundle.ts";
import { sidecarBundle } from "./sidecar-bundle.ts";
import { sidecar } from "./sidecar.ts";
import { signStages } from "./sign-file.ts";
import { signMacApp } from "./sign-mac-app.ts";
import { signWindowsApp } from "./sign-windows-app.ts";
import type { Recipe } from "./stage.ts";
import { verifyStage } from "./verify-file.ts";
import { zsyncStage } from "./zsync.ts";

const build: Recipe = [
  database, // migrations → seed file
  icons, // one picture → .icns, .ico, PNG set
  shellBundle, // shell entry → one script per shell kind
  sidecarBundle, // sidecar entry → one script, database inside
  sidecar, // script → executable for the target
  assembleApp, // everything → app folder in the platform's layout
];

const buildWindows: Recipe = [
  ...build,
  brandApp, // icon, version and manifest into its programs
];

/** `erth build`: sources → the app folder of each target. */
export const buildRecipes: Readonly<Record<TargetOs, Recipe>> = { darwin: build, win32: buildWindows, linux: build };

/** A format's way from the app to the finished file; it runs where the plan has that format. */
function lane(format: FormatId): Recipe {
  return [
    packageStage(format), // app → file
    ...signStages(format), // its own signature, where the format has one
  ];
}

/** The same on macOS. */
function macLane(format: FormatId): Recipe {
  return [
    ...lane(format),
    ...notarizeStages(format), // Apple's verdict on it, and the ticket
  ];
}

/** `erth package`: … → the finished files. */
export const packageRecipes: Readonly<Record<TargetOs, Recipe>> = {
  darwin: [
    ...build,
    signMacApp, // every Mach-O, inside out, then the bundle's seal
    notarizeApp, // signed app → Apple's verdict
    stapleApp, // verdict → ticket on the app
    ...macLane("dmg"),
    ...macLane("pkg"),
    ...macLane("zip"),
  ],
  win32: [
    ...buildWindows,
    signWindowsApp, // programs and libraries
    ...lane("setup"),
    ...lane("msi"),
    ...lane("portable"),
    ...lane("msix"),
    ...lane("zip"),
  ],
  linux: [
    ...build,
    ...lane("single-file"),
    ...lane("appimage"),
    zsyncStage, // AppImage → what AppImage tools update it by
    ...lane("deb"),
    ...lane("rpm"),
    ...lane("tar.zst"),
  ],
};

/** `erth release`: the same, and every finished file opened again. */
export const releaseRecipes: Readonly<Record<TargetOs, Recipe>> = {
  darwin: [...packageRecipes.darwin, ...verifyLanes("darwin")],
  win32: [...packageRecipes.win32, ...verifyLanes("win32")],
  linux: [...packageRecipes.linux, ...verifyLanes("linux")],
};

function verifyLanes(os: TargetOs): Recipe {
  return formatsOf(os).map(verifyStage);
}

/** Every stage there is, once, in order. */
export const allStages: Recipe = [
  ...new Map(
    Object.values(releaseRecipes)
      .flat()
      .map((stage) => [stage.id, stage]),
  ).values(),
];
