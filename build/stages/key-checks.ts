/** What a stage's preflight has found of the keys it will need: warnings are told, faults are handed on. */
import type { Problem } from "../../runtime/base/errors.ts";
import type { Check } from "../keys/check.ts";
import type { TargetContext } from "./stage.ts";

export async function keyProblems(ctx: TargetContext, looking: Promise<readonly Check[]>): Promise<readonly Problem[]> {
  const checks = await looking;
  for (const { what, warnings } of checks) {
    // Two targets may share a key; its warnings are told once.
    await ctx.keyring.once(`warned of ${what}`, async () => warnings.forEach((text) => ctx.warn(`${what}: ${text}`)));
  }
  return checks.flatMap(({ problems }) => problems);
}
