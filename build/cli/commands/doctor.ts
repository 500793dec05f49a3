/** `erth doctor [topic…]`: what would go wrong later, found now, each fault with its fix. Builds nothing, prints no secret. */
import { ErthError } from "../../../runtime/base/errors.ts";
import type { ResolvedSigning } from "../../config/resolved-signing.ts";
import { nearest } from "../../config/nearest.ts";
import type { Check } from "../../keys/check.ts";
import { checkSigning } from "../../keys/check-signing.ts";
import { openKeyring } from "../../keys/keyring.ts";
import { EXIT, type Command, type CommandContext } from "../command.ts";
import { loadSessionConfig } from "../session.ts";

type Topic = (ctx: CommandContext) => Promise<readonly Check[]>;

/** By the word that names it; without a word all of them. */
const TOPICS: Readonly<Record<string, Topic>> = { signing: examineSigning };

export const doctor: Command = {
  name: "doctor",
  summary: "keys, certificates, services: every fault with its fix, before any build",
  takesArguments: true,
  async run(ctx) {
    const names = ctx.args.length === 0 ? Object.keys(TOPICS) : ctx.args;
    const topics = names.map((name) => topicOf(name));
    const checks: Check[] = [];
    for (const topic of topics) checks.push(...(await topic(ctx)));
    ctx.report({ type: "result", name: "doctor", value: checks, text: checks.map(renderCheck).join("") });
    for (const { what, warnings } of checks) {
      for (const warning of warnings) ctx.report({ type: "notice", text: `${what}: ${warning}` });
    }
    const problems = checks.flatMap((check) => check.problems);
    for (const problem of problems) ctx.report({ type: "problem", ...problem });
    return problems.length > 0 ? EXIT.problemsFound : EXIT.done;
  },
};

function topicOf(name: string): Topic {
  const topic = Object.hasOwn(TOPICS, name) ? TOPICS[name] : undefined;
  if (topic !== undefined) return topic;
  const known = Object.keys(TOPICS);
  throw new ErthError({
    code: "USAGE_ARGUMENT",
    message: `erth doctor knows no ${JSON.stringify(name)}; it knows ${known.join(", ")}.`,
    remedy: `erth doctor ${nearest(name, known) ?? known[0]}`,
  });
}

async function examineSigning(ctx: CommandContext): Promise<readonly Check[]> {
  const { signing } = await loadSessionConfig(ctx);
  const keyring = openKeyring(signing, ctx.keyWorld);
  try {
    return [...(await checkSigning(keyring)), ...unsigned(signing)];
  } finally {
    await keyring.close();
  }
}

/** What has no key is no fault, but nobody should find out from their users. */
function unsigned(signing: ResolvedSigning): readonly Check[] {
  const told: readonly (readonly [keyof ResolvedSigning, string, string])[] = [
    ["apple", "signing.apple", "no key: macOS code is signed ad hoc, and Gatekeeper stops it on other Macs"],
    ["windows", "signing.windows", "no key: Windows programs are unsigned, and SmartScreen warns of them"],
  ];
  return told
    .filter(([section]) => signing[section] === undefined)
    .map(([, what, warning]) => ({ what, facts: [], warnings: [warning], problems: [] }));
}

/** A mark, the name, and what was found, indented. */
function renderCheck({ what, facts, problems, warnings }: Check): string {
  const mark = problems.length > 0 ? "✗" : warnings.length > 0 ? "!" : "✓";
  return `  ${mark} ${what}\n${facts.map((fact) => `      ${fact}\n`).join("")}`;
}
