/** Files that a config names: are they there, and are they what they should be? Reads folders, writes nothing. */
import { readdirSync, statSync, type Stats } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf, systemCode } from "../../runtime/base/errors.ts";
import { showValue, type ConfigProblem, type FieldPath, type Report } from "./config-problem.ts";
import { nearest } from "./nearest.ts";

type Check = (root: string, field: FieldPath, value: unknown, report: Report) => ConfigProblem | undefined;

/** A path that the schema takes; any other is the schema's to refuse. */
function isPath(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "" && !value.includes("\0");
}

/** A file that has to be there. */
export const fileProblem: Check = (root, field, value, report) => {
  if (!isPath(value)) return undefined;
  const found = look(root, field, value, report);
  if (!("stats" in found)) return found;
  return found.stats.isFile()
    ? undefined
    : report(
        field,
        `is ${showValue(value)}, which is a folder`,
        `name the file itself, for example ${value.replace(/\/+$/, "")}/main.ts`,
      );
};

/** A folder that has to be there. */
export const folderProblem: Check = (root, field, value, report) => {
  if (!isPath(value)) return undefined;
  const found = look(root, field, value, report);
  if (!("stats" in found)) return found;
  return found.stats.isDirectory()
    ? undefined
    : report(field, `is ${showValue(value)}, which is not a folder`, "name the folder that holds the files");
};

/** A folder with at least one `.sql` file. */
export const migrationsProblem: Check = (root, field, value, report) => {
  const problem = folderProblem(root, field, value, report);
  if (problem || !isPath(value)) return problem;
  const names = namesIn(resolve(root, value));
  return names.some((name) => name.endsWith(".sql"))
    ? undefined
    : report(
        field,
        `is ${showValue(value)}, which holds no .sql file`,
        `write ${join(value, "0001-first.sql")}, or remove database`,
      );
};

function look(
  root: string,
  field: FieldPath,
  value: string,
  report: Report,
): { readonly stats: Stats } | ConfigProblem {
  const path = resolve(root, value);
  try {
    return { stats: statSync(path) };
  } catch (error) {
    const code = systemCode(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") {
      return report(field, `is ${showValue(value)}, which cannot be read: ${messageOf(error)}`, "make it readable");
    }
    const close = nearest(basename(path), namesIn(dirname(path)));
    const remedy =
      close === undefined ? `create ${value}, or correct the path` : `write ${JSON.stringify(sibling(value, close))}`;
    return report(field, `is ${showValue(value)}, and ${path} does not exist`, remedy);
  }
}

function sibling(value: string, name: string): string {
  return value.replace(/[^/\\]*[/\\]*$/, name);
}

/** Names in a folder, for a suggestion; none where the folder itself is missing or closed. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}
