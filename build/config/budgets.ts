/** The `budget` of the config → the limits of each target's files. */
import { TARGETS, type Target } from "../plan/target.ts";
import { parseLimit, type Limit } from "./limit.ts";
import { PARTS, type FileBudget, type Part } from "./resolved-config.ts";

export const DEFAULT_BUDGET = "128 MB";

type Written = string | readonly string[] | undefined;

interface WrittenFileBudget {
  readonly total?: Written;
  readonly parts?: Readonly<Partial<Record<Part, Written>>> | undefined;
}

export interface WrittenBudget extends WrittenFileBudget {
  readonly targets?: Readonly<Partial<Record<Target, WrittenFileBudget | undefined>>> | undefined;
}

/** What a target says for itself takes the place of what all targets have; a total always has a size. */
export function resolveBudget(written: WrittenBudget = {}): Readonly<Record<Target, FileBudget>> {
  const entries = TARGETS.map((target): [Target, FileBudget] => {
    const own = written.targets?.[target];
    const total = limitsOf(own?.total ?? written.total);
    const isSized = total.some(({ kind }) => kind === "size");
    const parts = PARTS.map((part) => [part, limitsOf(own?.parts?.[part] ?? written.parts?.[part])] as const);
    return [
      target,
      {
        total: isSized ? total : [...limitsOf(DEFAULT_BUDGET), ...total],
        parts: Object.fromEntries(parts.filter(([, limits]) => limits.length > 0)),
      },
    ];
  });
  // `fromEntries` forgets that every target is among the keys.
  return Object.fromEntries(entries) as Record<Target, FileBudget>;
}

function limitsOf(written: Written): readonly Limit[] {
  const texts = written === undefined ? [] : typeof written === "string" ? [written] : written;
  return texts.map((text) => {
    const parsed = parseLimit(text);
    if (!parsed.ok) throw new Error(`the schema let the limit ${JSON.stringify(text)} through`);
    return parsed.limit;
  });
}
