/** The release, read from top to bottom, for each OS. */
import { formatsOf } from "../plan/package-format.ts";
import type { TargetOs } from "../plan/target.ts";
import { assembleApp } from "./assemble-app.ts";
import { brandApp } from "./brand-app.ts";
import { database } from "./database.ts";
import { icons } from "./icons.ts";
import { packageStage } from "./package.ts";
import { shellBundle } from "./shell-bundle.ts";
import { sidecarBundle } from "./sidecar-bundle.ts";
import { sidecar } from "./sidecar.ts";
import { signMacApp } from "./sign-app.ts";
import type { Recipe } from "./stage.ts";
import { verifyStage } from "./verify-file.ts";

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

/** `erth package` and `erth release`: … → the finished files. A lane runs where its format is in the plan. */
export const packageRecipes: Readonly<Record<TargetOs, Recipe>> = {
  darwin: [
    ...build,
    signMacApp, // every Mach-O, inside out, then the bundle's seal
    packageStage("zip"), // signed app → .zip
  ],
  win32: [
    ...buildWindows,
    packageStage("zip"), // app folder → .zip
  ],
  linux: [
    ...build,
    packageStage("single-file"), // app folder → one executable
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
