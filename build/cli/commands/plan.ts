/** `erth plan`: what would be built from what; `--matrix` for GitHub Actions; `--why STAGE`. */
import { ErthError } from "../../../runtime/base/errors.ts";
import { differences } from "../../artifacts/history.ts";
import { createMatrix } from "../../plan/matrix.ts";
import { renderPlan } from "../../plan/render.ts";
import { allStages } from "../../stages/recipes.ts";
import { EXIT, type Command } from "../command.ts";
import { openSession, type Session } from "../session.ts";

export const plan: Command = {
  name: "plan",
  summary: "print what would be built from what, by which tools",
  async run(ctx) {
    const session = await openSession(ctx);
    if (ctx.flags.matrix) {
      const matrix = createMatrix(session.plan);
      ctx.report({ type: "result", name: "matrix", value: matrix, text: `${JSON.stringify(matrix)}\n` });
    } else if (ctx.flags.why === undefined) {
      const text = renderPlan({ plan: session.plan, config: session.config });
      ctx.report({
        type: "result",
        name: "plan",
        value: session.plan,
        text: `${text.trimEnd()}\n  cache  ${session.cacheFolder}\n`,
      });
    } else {
      const answers = whyRan(session, ctx.flags.why);
      ctx.report({
        type: "result",
        name: "why",
        value: answers,
        text: answers.map(({ target, because }) => `  ${target}: ${because}\n`).join(""),
      });
    }
    return EXIT.done;
  },
};

function whyRan(session: Session, stageId: string): readonly { target: string; because: string }[] {
  const stage = allStages.find((candidate) => candidate.id === stageId);
  if (stage === undefined) {
    throw new ErthError({
      code: "USAGE_STAGE",
      message: `there is no stage ${stageId}; the stages are ${allStages.map(({ id }) => id).join(", ")}.`,
      remedy: `erth plan --why ${allStages.at(-1)?.id ?? ""}`,
    });
  }
  const targets = stage.scope === "app" ? ["any"] : session.plan.targets.map(({ target }) => target);
  return targets.map((target) => {
    const [last, before] = session.history.last(stageId, target);
    if (last === undefined) return { target, because: "it has not run yet" };
    if (stage.reads === undefined)
      return { target, because: "it runs every time: only running it tells what it reads" };
    if (before === undefined) return { target, because: "it has run once, for the first time" };
    return { target, because: `last change: ${differences(before.parts, last.parts).join(", ")}` };
  });
}
