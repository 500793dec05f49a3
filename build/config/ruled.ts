/** Text fields whose value has a rule: what is wrong with a value, and what to write instead, come from the rule. */
import { z } from "zod";
import type { Rule } from "./rules.ts";

/** A string that a rule takes, with its line for editors. */
export function ruled(rule: Rule, description: string, example: string): z.ZodString {
  return z
    .string()
    .superRefine((value, ctx) => {
      const refusal = rule(value);
      if (refusal === undefined) return;
      const { reason, fix, isPrivate } = refusal;
      ctx.addIssue({ code: "custom", message: reason, params: { fix, isPrivate } });
    })
    .meta({ description, examples: [example] });
}
