/** From what the user wrote to what the stages read: defaults, absolute paths, bytes; frozen. All problems at once. */
import { dirname, resolve } from "node:path";
import { ProblemsError } from "../../runtime/base/errors.ts";
import { hostTarget, TARGETS, type Target } from "../plan/target.ts";
import { resolveBudget } from "./budgets.ts";
import { reporter, showValue, type ConfigProblem, type Report } from "./config-problem.ts";
import { fileProblem, folderProblem, migrationsProblem } from "./files.ts";
import { problemsOf } from "./issues.ts";
import { resolvePackage } from "./package/resolve-package.ts";
import type { ResolvedConfig } from "./resolved-config.ts";
import { configSchema, DEFAULT_WINDOW, type UserConfig } from "./schema.ts";
import { resolveSigning, signingProblems } from "./resolve-signing.ts";
import { secretPaths } from "./secrets.ts";
import { slugOf } from "./slug.ts";

/**
 * The resolved config. `file` is the config file, absolute; relative paths
 * start at its folder. Throws a `ProblemsError` of `ConfigProblem`s
 * (`CONFIG_INVALID`), missing files among them.
 */
export function resolveConfig(user: unknown, file: string): ResolvedConfig {
  const report = reporter(file);
  const root = dirname(file);
  const problems: ConfigProblem[] = secretPaths(user).map((path) =>
    report(
      path,
      "looks like a key or a token, and a config is committed and printed",
      "remove it, revoke it if it was ever committed, and pass it in the environment",
    ),
  );
  const parsed = configSchema.safeParse(user);
  if (!parsed.success) problems.push(...problemsOf(parsed.error.issues, user, report));
  problems.push(...fileProblems(user, root, report), ...relationProblems(user, report));
  problems.push(...signingProblems(record(user)["signing"], root, report));
  if (!parsed.success || problems.length > 0) throw new ProblemsError(problems);
  return deepFreeze(withDefaults(parsed.data, root, file));
}

function withDefaults(config: UserConfig, root: string, file: string): ResolvedConfig {
  const { app, shell, sidecar, database, budget, vendor } = config;
  const name = app.name.normalize("NFC");
  const at = (path: string): string => resolve(root, path);
  return {
    root,
    file,
    app: {
      name,
      slug: slugOf(name, app.identifier),
      identifier: app.identifier,
      version: app.version,
      publisher: app.publisher,
      description: app.description ?? "",
      icon: at(app.icon),
    },
    shell: {
      kind: shell.kind,
      fallback: shell.kind === "electrobun" ? shell.fallback : undefined,
      entry: at(shell.entry),
      window: { title: shell.window?.title ?? name, ...windowSize(shell.window) },
    },
    sidecar: { kind: sidecar.kind, entry: at(sidecar.entry) },
    database: database && { migrations: at(database.migrations) },
    targets: resolveTargets(config.targets),
    package: resolvePackage(config.package, app, root),
    budget: resolveBudget(budget),
    vendor: {
      mirror: vendor?.mirror?.replace(/\/+$/, ""),
      folders: Object.fromEntries(Object.entries(vendor?.folders ?? {}).map(([entry, path]) => [entry, at(path)])),
    },
    signing: resolveSigning(config.signing, { name }, at),
  };
}

type WindowSize = Omit<ResolvedConfig["shell"]["window"], "title">;

/** The sizes asked for; a default gives way to the explicit size that it would contradict. */
function windowSize(asked: UserConfig["shell"]["window"]): WindowSize {
  const width = asked?.width ?? Math.max(DEFAULT_WINDOW.width, asked?.minWidth ?? 0);
  const height = asked?.height ?? Math.max(DEFAULT_WINDOW.height, asked?.minHeight ?? 0);
  return {
    width,
    height,
    minWidth: asked?.minWidth ?? Math.min(DEFAULT_WINDOW.minWidth, width),
    minHeight: asked?.minHeight ?? Math.min(DEFAULT_WINDOW.minHeight, height),
  };
}

function resolveTargets(targets: UserConfig["targets"]): readonly Target[] {
  if (targets === "host") {
    const host = hostTarget();
    return host === undefined ? [] : [host];
  }
  return Array.isArray(targets) ? TARGETS.filter((target) => targets.includes(target)) : TARGETS;
}

/** Files and folders that the config names and that are not there, whatever else is wrong with it. */
function fileProblems(user: unknown, root: string, report: Report): ConfigProblem[] {
  const { top, app, shell, sidecar, database, vendor } = sections(user);
  const setup = record(record(top["package"])["setup"]);
  const pkg = record(record(top["package"])["pkg"]);
  const dmg = record(record(top["package"])["dmg"]);
  const folders =
    typeof vendor["folders"] === "object" && vendor["folders"] !== null ? Object.entries(vendor["folders"]) : [];
  return [
    fileProblem(root, ["app", "icon"], app["icon"], report),
    fileProblem(root, ["shell", "entry"], shell["entry"], report),
    fileProblem(root, ["sidecar", "entry"], sidecar["entry"], report),
    migrationsProblem(root, ["database", "migrations"], database["migrations"], report),
    fileProblem(root, ["package", "setup", "license"], setup["license"], report),
    fileProblem(
      root,
      ["package", "setup", "webview2", "bootstrapper"],
      record(setup["webview2"])["bootstrapper"],
      report,
    ),
    folderProblem(root, ["package", "pkg", "scripts"], pkg["scripts"], report),
    fileProblem(root, ["package", "dmg", "background"], dmg["background"], report),
    fileProblem(root, ["package", "dmg", "license"], dmg["license"], report),
    ...folders.map(([entry, path]) => folderProblem(root, ["vendor", "folders", entry], path, report)),
  ].filter((problem) => problem !== undefined);
}

/** Settings that are fine alone and contradict each other or this machine. */
function relationProblems(user: unknown, report: Report): ConfigProblem[] {
  const { shell, top } = sections(user);
  const window = record(shell["window"]);
  const problems: ConfigProblem[] = [];
  for (const [size, least] of [
    ["width", "minWidth"],
    ["height", "minHeight"],
  ] as const) {
    const [asked, floor] = [window[size], window[least]];
    if (typeof asked === "number" && typeof floor === "number" && floor > asked) {
      problems.push(
        report(
          ["shell", "window", least],
          `is ${floor}, more than ${size}, which is ${asked}`,
          `write ${least}: ${asked}`,
        ),
      );
    }
  }
  if (top["targets"] === "host" && hostTarget() === undefined) {
    problems.push(
      report(
        ["targets"],
        `is "host", and ${process.platform}-${process.arch} is no target`,
        `write targets: ${showValue("all")}`,
      ),
    );
  }
  return problems;
}

function sections(
  user: unknown,
): Record<"top" | "app" | "shell" | "sidecar" | "database" | "vendor", Record<string, unknown>> {
  const top = record(user);
  const [app, shell, sidecar, database, vendor] = ["app", "shell", "sidecar", "database", "vendor"].map((key) =>
    record(top[key]),
  );
  return { top, app: app!, shell: shell!, sidecar: sidecar!, database: database!, vendor: vendor! };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
