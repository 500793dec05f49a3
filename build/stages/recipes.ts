/** The release, read from top to bottom. */
import { assembleApp } from "./assemble-app.ts";
import { database } from "./database.ts";
import { icons } from "./icons.ts";
import { packageApp } from "./package.ts";
import { shellBundle } from "./shell-bundle.ts";
import { sidecarBundle } from "./sidecar-bundle.ts";
import { sidecar } from "./sidecar.ts";
import type { Recipe } from "./stage.ts";

/** `erth build`: sources → the app folder of each target. */
export const buildRecipe: Recipe = [
  database, // migrations → seed file
  icons, // one picture → .icns, .ico, PNG set
  shellBundle, // shell entry → one script per shell kind
  sidecarBundle, // sidecar entry → one script, database inside
  sidecar, // script → executable for the target
  assembleApp, // everything → app folder in the platform's layout
];

/** `erth package` and `erth release`: … → one file per target. */
export const packageRecipe: Recipe = [
  ...buildRecipe,
  packageApp, // app folder → one file
];
