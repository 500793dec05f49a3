/** What each recipe promises: whatever a stage needs, an earlier one makes, and no two stages share a name. */
import { expect, test } from "vitest";
import { STATE_BEFORE, type ArtifactKind } from "../../../build/artifacts/artifact.ts";
import { allStages, buildRecipes, packageRecipes } from "../../../build/stages/recipes.ts";
import type { Recipe, Stage } from "../../../build/stages/stage.ts";

const recipes = Object.entries({ build: buildRecipes, package: packageRecipes }).flatMap(([command, byOs]) =>
  Object.entries(byOs).map(([os, recipe]): readonly [string, Recipe] => [`${command} on ${os}`, recipe]),
);
const laneOf = (stage: Stage): string | undefined => (stage.scope === "target" ? stage.lane : undefined);

test.each(recipes)("%s: every need is made earlier, on the same lane or before the lanes part", (_, recipe) => {
  const unmet = recipe.flatMap((stage, at) => {
    const before = recipe.slice(0, at).filter((other) => [undefined, laneOf(stage)].includes(laneOf(other)));
    const made = new Set(before.flatMap(({ makes }) => makes));
    const isMet = (kind: ArtifactKind): boolean => {
      const earlier = STATE_BEFORE[kind];
      return made.has(kind) || (earlier !== undefined && isMet(earlier));
    };
    return stage.needs.filter((kind) => !isMet(kind)).map((kind) => `${stage.id} needs ${kind}`);
  });
  expect(unmet).toEqual([]);
});

test("a stage that all targets share needs nothing of a single target", () => {
  for (const [, recipe] of recipes) {
    const shared = recipe.filter(({ scope }) => scope === "app");
    const made = new Set(shared.flatMap(({ makes }) => makes));
    for (const { id, needs } of shared) for (const kind of needs) expect(made, `${id} needs ${kind}`).toContain(kind);
  }
});

test("an id names one stage: it is the log's label, the cache's and --why's", () => {
  const ids = allStages.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const [, recipe] of recipes) for (const stage of recipe) expect(ids).toContain(stage.id);
});
