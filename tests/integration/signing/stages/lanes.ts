/** A format's lane, as the recipes have it. */
import type { FormatId } from "../../../../build/plan/package-format.ts";
import { notarizeStages } from "../../../../build/stages/notarize-file.ts";
import { packageStage } from "../../../../build/stages/package.ts";
import { signStages } from "../../../../build/stages/sign-file.ts";
import type { Recipe } from "../../../../build/stages/stage.ts";

export function lane(format: FormatId): Recipe {
  return [packageStage(format), ...signStages(format), ...notarizeStages(format)];
}
