/** A fault in a config, in the house's error style: file, field, value, fix. */
import { relative } from "node:path";
import type { Problem } from "../../runtime/base/errors.ts";
import { looksLikeSecret } from "./secrets.ts";

export interface ConfigProblem extends Problem {
  readonly code: "CONFIG_INVALID";
  /** The config file as the message shows it: relative to the working folder where it lies below it. */
  readonly file: string;
  /** `budget.total`, `targets[2]`; "" is the whole config. */
  readonly field: string;
}

export type FieldPath = readonly PropertyKey[];

/** Makes problems of one config file; `reason` is a sentence about the field, without its final dot. */
export type Report = (path: FieldPath, reason: string, remedy: string) => ConfigProblem;

/** A file's name for messages: relative below the working folder, absolute elsewhere. */
export function displayPath(file: string, cwd: string = process.cwd()): string {
  const short = relative(cwd, file);
  return short === "" || short.startsWith("..") ? file : short.replaceAll("\\", "/");
}

/** A reporter for this config file. */
export function reporter(file: string): Report {
  const shown = displayPath(file);
  return (path, reason, remedy) => {
    const field = fieldName(path);
    const message = `${shown}: ${field || "the config"} ${reason}.`;
    return { code: "CONFIG_INVALID", file: shown, field, message, remedy };
  };
}

/** A path as one would write it in the config: `vendor.folders["electrobun-core/linux-x64"]`. */
export function fieldName(path: FieldPath): string {
  return path.reduce<string>((name, part) => {
    if (typeof part === "number") return `${name}[${part}]`;
    const key = String(part);
    if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) return `${name}[${shorten(JSON.stringify(key))}]`;
    return name === "" ? key : `${name}.${key}`;
  }, "");
}

/** A value for a message: short, on one line, and never a secret. */
export function showValue(value: unknown): string {
  if (typeof value === "string") return looksLikeSecret(value) ? "[secret]" : shorten(JSON.stringify(value));
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function shorten(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 60)}…"`;
}
