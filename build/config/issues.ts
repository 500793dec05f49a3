/** Turns what zod found into problems that say what to type: nearest keys, the values allowed, an example. */
import { z } from "zod";
import { fieldName, showValue, type ConfigProblem, type FieldPath, type Report } from "./config-problem.ts";
import { nearestTarget } from "../plan/select-targets.ts";
import { nearest } from "./nearest.ts";
import { configSchema, fixes } from "./schema.ts";

type Issue = z.core.$ZodIssue;

/** One problem for each fault; a misspelt key is one fault, though the right key is missing because of it. */
export function problemsOf(issues: readonly Issue[], user: unknown, report: Report): ConfigProblem[] {
  const meant = new Set(
    issues.flatMap((issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys
            .flatMap((key) => nearest(key, keysAt(issue.path)) ?? [])
            .map((key) => fieldName([...issue.path, key]))
        : [],
    ),
  );
  return issues
    .filter(({ path }) => !(meant.has(fieldName(path)) && valueAt(user, path) === undefined))
    .flatMap((issue) => problemsOfIssue(issue, user, report));
}

function problemsOfIssue(issue: Issue, user: unknown, report: Report): ConfigProblem[] {
  const { path } = issue;
  const value = valueAt(user, path);
  const key = String(path.at(-1) ?? "the default export");
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((unknown) => unknownKey(path, unknown, value, report));
    case "invalid_union": {
      // A text that is no limit, or a number without its unit, is better told than "it must be a list".
      const told = issue.errors.find((errors) =>
        errors.some((inner) => inner.code === "custom" || (fixAt(path) && typeof value === "number")),
      );
      const branch = (told ?? deepest(issue.errors)).map((inner) => ({ ...inner, path: [...path, ...inner.path] }));
      if (told) return problemsOf(branch, user, report);
      const words = issue.errors
        .flat()
        .flatMap((inner) => (isValueIssue(inner) && inner.path.length === 0 ? inner.values : []));
      const isScalar = branch.every((inner) => inner.path.length === path.length);
      return isScalar ? [wrongValue(path, value, [...words, "a list"], report)] : problemsOf(branch, user, report);
    }
    case "invalid_value":
      return [
        value === undefined ? missing(path, report, issue.values) : wrongValue(path, value, issue.values, report),
      ];
    case "invalid_type":
      if (value === undefined) return [missing(path, report)];
      return [
        report(
          path,
          fixAt(path) && typeof value === "number"
            ? `is ${showValue(value)}; it needs a unit`
            : `is ${showValue(value)}; it must be ${typeName(issue.expected)}`,
          writeExample(path, value) ?? `write ${key} as ${typeName(issue.expected)}`,
        ),
      ];
    case "too_small":
    case "too_big": {
      const limit = issue.code === "too_small" ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
      const what = issue.origin === "array" ? `must have ${limit} entry` : `must be ${limit}`;
      return [report(path, `is ${showValue(value)}; it ${what}`, writeExample(path, value) ?? `change ${key}`)];
    }
    case "custom": {
      const { fix, size, isPrivate } = issue.params ?? {};
      const remedy = typeof size === "string" ? `write ${keyText(key)}: "${size}"` : String(fix ?? `change ${key}`);
      const shown = isPrivate === true ? "[hidden]" : showValue(value);
      return [report(path, `is ${shown}; ${issue.message}`, remedy)];
    }
    default:
      return [report(path, `is ${showValue(value)}: ${issue.message}`, writeExample(path, value) ?? `change ${key}`)];
  }
}

function unknownKey(path: FieldPath, unknown: string, owner: unknown, report: Report): ConfigProblem {
  const known = keysAt(path);
  const taken = typeof owner === "object" && owner !== null ? Object.keys(owner) : [];
  const close = nearest(unknown, known);
  const elsewhere = close === undefined ? homeOf(unknown) : undefined;
  const fix =
    close !== undefined
      ? taken.includes(close)
        ? `remove it: ${close} is there already`
        : `rename it to ${close}`
      : elsewhere !== undefined
        ? `move it: it is called ${elsewhere}`
        : known.length > 0
          ? `remove it; known here: ${known.join(", ")}`
          : "remove it; nothing can be set here yet";
  return report([...path, unknown], "is not a setting", fix);
}

function missing(path: FieldPath, report: Report, values?: readonly unknown[]): ConfigProblem {
  const key = String(path.at(-1) ?? "");
  if (path.length === 0) return report(path, "is missing", "export default defineConfig({ … })");
  const example = values === undefined ? writeExample(path, undefined) : `write ${key}: ${alternatives(values)}`;
  return report(path, "is missing", example?.replace(/^write/, "add") ?? `add ${key}: { … }`);
}

function wrongValue(path: FieldPath, value: unknown, values: readonly unknown[], report: Report): ConfigProblem {
  const words = values.filter((word): word is string => typeof word === "string");
  const close = typeof value === "string" ? (nearestTarget(value, words) ?? nearest(value, words)) : undefined;
  const key = path.at(-1);
  const written = typeof key === "number" ? "write" : `write ${String(key)}:`;
  return report(
    path,
    `is ${showValue(value)}; it must be ${alternatives(values)}`,
    `${written} ${close === undefined ? alternatives(values) : JSON.stringify(close)}`,
  );
}

/** `"a", "b" or a list`: phrases with a space stand as they are, words in quotes. */
function alternatives(values: readonly unknown[]): string {
  const shown = values.map((value) => (value === "a list" ? value : JSON.stringify(value)));
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} or ${shown.at(-1)}`;
}

function typeName(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: "text in quotes",
    object: "an object",
    record: "an object",
    number: "a number",
    int: "a whole number",
    array: "a list",
  };
  return names[expected] ?? expected;
}

function isValueIssue(issue: Issue): issue is z.core.$ZodIssueInvalidValue {
  return issue.code === "invalid_value";
}

/** The union's branch that came furthest: a list of targets with one wrong name was meant as a list. */
function deepest(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const depth = (branch: readonly Issue[]): number =>
    Math.max(...branch.map((issue) => issue.path.length + (issue.code === "too_small" ? 1 : 0)));
  return branches.reduce((best, branch) => (depth(branch) > depth(best) ? branch : best), branches[0] ?? []);
}

function valueAt(value: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>(
    (node, key) => (typeof node === "object" && node !== null ? Reflect.get(node, key) : undefined),
    value,
  );
}

/** The schema node at a path, without its optional wrappers. */
function schemaAt(path: FieldPath): unknown {
  return path.reduce<unknown>((node, key) => {
    if (node instanceof z.ZodObject) return unwrap(node.shape[String(key)]);
    if (node instanceof z.ZodRecord) return unwrap(node.valueType);
    return undefined;
  }, configSchema);
}

function unwrap(node: unknown): unknown {
  return node instanceof z.ZodOptional ? unwrap(node.unwrap()) : node;
}

function keysAt(path: FieldPath): readonly string[] {
  const node = schemaAt(path);
  return node instanceof z.ZodObject ? Object.keys(node.shape) : [];
}

function fixAt(path: FieldPath): ((value: unknown) => string) | undefined {
  const node = schemaAt(path);
  return node instanceof z.ZodType ? fixes.get(node)?.fix : undefined;
}

function writeExample(path: FieldPath, value: unknown): string | undefined {
  const node = schemaAt(path);
  if (!(node instanceof z.ZodType)) return undefined;
  const meta = node.meta() ?? {};
  const examples: unknown = meta["examples"];
  const example: unknown = fixAt(path)?.(value) ?? (Array.isArray(examples) ? examples[0] : meta["default"]);
  const key = path.at(-1);
  return example === undefined || key === undefined ? undefined : `write ${keyText(key)}: ${JSON.stringify(example)}`;
}

/** A key as an object literal has it: in quotes only where it must be. */
function keyText(key: PropertyKey): string {
  const name = String(key);
  return fieldName([name]) === name ? name : JSON.stringify(name);
}

/** Where a key that is unknown here does belong: `identifier` → `app.identifier`; undefined if nowhere or in two places. */
function homeOf(key: string): string | undefined {
  const homes = Object.entries(configSchema.shape).flatMap(([section, schema]) => {
    const node = unwrap(schema);
    return node instanceof z.ZodObject && key in node.shape ? [`${section}.${key}`] : [];
  });
  return homes.length === 1 ? homes[0] : undefined;
}
