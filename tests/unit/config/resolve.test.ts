import { mkdirSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ConfigProblem } from "../../../build/config/config-problem.ts";
import { resolveAppImage } from "../../../build/config/package/appimage.ts";
import { resolveLinux } from "../../../build/config/package/linux.ts";
import { resolveConfig } from "../../../build/config/resolve.ts";
import { NO_SIGNING } from "../../../build/config/resolved-signing.ts";
import { TARGETS } from "../../../build/plan/target.ts";
import { ErthError, ProblemsError, type Problem } from "../../../runtime/base/errors.ts";
import { sampleApp, sampleConfig } from "./sample.ts";

const app = sampleApp();

function problemsOf(user: unknown): readonly Problem[] {
  try {
    resolveConfig(user, app.file);
  } catch (error) {
    if (error instanceof ProblemsError) return error.problems;
    throw error;
  }
  return [];
}

/** The one problem of the sample config with this change; fails when there is another number of them. */
function problemWith(change: (config: Faulty) => void): { message: string; remedy: string; field: string } {
  const config = structuredClone(sampleConfig()) as unknown as Faulty;
  change(config);
  const problems = problemsOf(config) as readonly ConfigProblem[];
  expect(problems.map((problem) => problem.message)).toHaveLength(1);
  const { message, remedy, field } = problems[0]!;
  return { message: message.replaceAll(app.folder, "<app>"), remedy, field };
}

// A config with faults has no type.
type Faulty = Record<string, Record<string, unknown>>;

test("defaults are filled in and paths are absolute", () => {
  const config = resolveConfig(sampleConfig(), app.file);
  expect(config).toEqual({
    root: app.folder,
    file: app.file,
    app: {
      name: "Sample App",
      slug: "sample-app",
      identifier: "com.example.sample",
      version: "1.2.3",
      publisher: "Example Ltd",
      description: "",
      icon: join(app.folder, "icons/icon.svg"),
    },
    shell: {
      kind: "electrobun",
      fallback: "webview",
      entry: join(app.folder, "shell/main.ts"),
      window: { title: "Sample App", width: 1000, height: 720, minWidth: 480, minHeight: 360 },
    },
    sidecar: { kind: "pkg", entry: join(app.folder, "sidecar/main.ts") },
    database: undefined,
    targets: TARGETS,
    package: {
      dmg: {
        background: undefined,
        compression: "lzma",
        iconSize: 128,
        license: undefined,
        textSize: 13,
        tool: "erth",
        windowSize: { width: 660, height: 400 },
      },
      appimage: resolveAppImage(),
      linux: resolveLinux(),
      setup: {
        scope: "user",
        desktopShortcut: "ask",
        runAfterInstall: true,
        license: undefined,
        protocols: [],
        fileTypes: [],
        webview2Bootstrapper: undefined,
      },
      compression: "best",
      formats: { darwin: ["zip"], win32: ["zip"], linux: ["single-file"] },
      msix: { identityName: "com.example.sample", publisher: "CN=Example Ltd", version: undefined },
      pkg: { installLocation: "/Applications", domain: "system", scripts: undefined, tool: "erth" },
    },
    budget: Object.fromEntries(
      TARGETS.map((target) => [target, { total: [{ kind: "size", bytes: 128_000_000 }], parts: {} }]),
    ),
    vendor: { mirror: undefined, folders: {} },
    signing: NO_SIGNING,
  });
});

test("what the user sets is what the stages get", () => {
  mkdirSync(join(app.folder, "core"), { recursive: true });
  const config = resolveConfig(
    {
      ...sampleConfig(),
      $schema: "./erth.schema.json",
      shell: { kind: "webview", fallback: "webview", entry: "shell/main.ts", window: { width: 400, title: "Hello" } },
      database: { migrations: "migrations" },
      targets: ["linux-x64", "darwin-x64", "linux-x64"],
      package: { compression: "fast" },
      budget: {
        total: "64 MiB",
        parts: { natives: "1.5 MB", "shell runtime": ["40 MB", "+2%"] },
        targets: { "win32-x64": { total: "100 MB" } },
      },
      vendor: { mirror: "https://mirror.example.com/a/", folders: { "electrobun-core/linux-x64": "core" } },
      signing: {},
    },
    app.file,
  );
  expect(config.shell).toMatchObject({ fallback: undefined, window: { width: 400, minWidth: 400, title: "Hello" } });
  expect(config.database).toEqual({ migrations: join(app.folder, "migrations") });
  expect(config.targets).toEqual(["darwin-x64", "linux-x64"]);
  expect(config.package.compression).toBe("fast");
  expect(config.budget["linux-x64"]).toEqual({
    total: [{ kind: "size", bytes: 67_108_864 }],
    parts: {
      natives: [{ kind: "size", bytes: 1_500_000 }],
      "shell runtime": [
        { kind: "size", bytes: 40_000_000 },
        { kind: "growth", percent: 2 },
      ],
    },
  });
  expect(config.budget["win32-x64"].total).toEqual([{ kind: "size", bytes: 100_000_000 }]);
  expect(config.vendor).toEqual({
    mirror: "https://mirror.example.com/a",
    folders: { "electrobun-core/linux-x64": join(app.folder, "core") },
  });
});

test("the resolved config is frozen all the way down, and the user's is left alone", () => {
  const user = sampleConfig();
  const config = resolveConfig(user, app.file);
  const loose: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    if (!Object.isFrozen(value)) loose.push(path);
    for (const [key, child] of Object.entries(value)) walk(child, `${path}.${key}`);
  };
  walk(config, "config");
  expect(loose).toEqual([]);
  expect(Object.isFrozen(user.app)).toBe(false);
});

test.each([
  "Two Words",
  "v1.0 (beta)",
  'The "Best"',
  "Bob's App",
  "日本語アプリ",
  "Заметки",
  "🚀",
  "👩‍👩‍👧 Family",
  "ERTH & Co",
  "a",
  "é".repeat(80),
  "漢".repeat(80),
])("the name %s is taken as it is", (name) => {
  const config = resolveConfig({ ...sampleConfig(), app: { ...sampleConfig().app, name } }, app.file);
  expect(config.app.name).toBe(name.normalize("NFC"));
  expect(config.app.slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
});

test.each([
  ["a/b", "slash"],
  ["a\\b", "slash"],
  ["a\nb", "control character"],
  ["a\0b", "control character"],
  ["a\u2028b", "control character"],
  ["\u202egpj.exe", "reverses"],
  [" a", "space or a dot"],
  ["a.", "space or a dot"],
  [".", "space or a dot"],
  ["..", "space or a dot"],
  ["", "empty"],
  ["x".repeat(81), "81 characters"],
  ["🚀".repeat(80), "320 bytes"],
  ["a\ud800", "surrogate"],
])("the name %j is refused with the reason", (name, reason) => {
  const { message, remedy, field } = problemWith((config) => (config["app"]!["name"] = name));
  expect(message).toContain(reason);
  expect(message).not.toContain("\n");
  expect(field).toBe("app.name");
  expect(remedy).not.toBe("");
});

test.each([
  "app",
  "com..example",
  ".com.example",
  "com.example.",
  "com.ex_ample.app",
  "com.example.ünï",
  "1com.example",
  "com.example app",
  "con.example",
  "a.".repeat(70) + "a",
])("the identifier %s is refused, and what is suggested instead is taken", (identifier) => {
  const { remedy } = problemWith((config) => (config["app"]!["identifier"] = identifier));
  const suggested = /identifier: "([^"]+)"/.exec(remedy)?.[1];
  if (suggested === undefined) expect(remedy).toBe("shorten it");
  else expect(problemsOf({ ...sampleConfig(), app: { ...sampleConfig().app, identifier: suggested } })).toEqual([]);
});

test.each([
  ["1.0", "1.0.0"],
  ["v1.2.3", "1.2.3"],
  ["01.2.3", "1.2.3"],
  ["1.2.3+build", "1.2.3"],
  ["1", "1.0.0"],
  ["latest", "1.0.0"],
  ["1.2.3.4", "1.0.0"],
  ["1.0.0-", "1.0.0"],
  ["1.0.0-01", "1.0.0"],
])("the version %s is refused; %s is suggested", (version, suggestion) => {
  expect(problemWith((config) => (config["app"]!["version"] = version)).remedy).toBe(`write version: "${suggestion}"`);
});

test.each(["0.0.1", "1.0.0-beta.1", "10.20.30-rc.1.x-y", "65535.0.0"])("the version %s is taken", (version) => {
  expect(problemsOf({ ...sampleConfig(), app: { ...sampleConfig().app, version } })).toEqual([]);
});

test("a version that Windows cannot hold is refused", () => {
  expect(problemWith((config) => (config["app"]!["version"] = "1.65536.0")).message).toContain("65536 does not fit");
});

test("a size without a unit is refused with the fix", () => {
  const bare = problemWith((config) => (config["budget"] = { total: 40 }));
  expect(bare.message).toMatch(/budget\.total is 40; it needs a unit\.$/);
  expect(bare.remedy).toBe('write total: "40 MB"');
  const text = problemWith((config) => (config["budget"] = { total: "40" }));
  expect(text.message).toMatch(/budget\.total is "40"; it needs a unit\.$/);
  expect(text.remedy).toBe('write total: "40 MB"');
  const part = problemWith((config) => (config["budget"] = { parts: { "app code": "2mb" } }));
  expect(part.message).toContain('budget.parts["app code"] is "2mb"; mb is not a unit');
  expect(part.remedy).toBe('write "app code": "2 MB"');
});

test.each<[string, (config: Faulty) => void, string, RegExp]>([
  ["a slip", (c) => (c["app"]!["naem"] = 1), "app.naem", /remove it: name is there already/],
  ["a slip of an absent key", (c) => (c["budgets"] = {}), "budgets", /rename it to budget/],
  ["another case", (c) => (c["app"]!["Description"] = "x"), "app.Description", /rename it to description/],
  [
    "a key of another section",
    (c) => (c["migrations"] = {}),
    "migrations",
    /move it: it is called database\.migrations/,
  ],
  ["nothing like it", (c) => (c["sidecar"]!["qqq"] = 1), "sidecar.qqq", /remove it; known here: kind, entry/],
  ["a place kept free", (c) => (c["publish"] = { bucket: 1 }), "publish.bucket", /nothing can be set here yet/],
])("unknown keys: %s", (_, change, field, remedy) => {
  const problem = problemWith(change);
  expect(problem.field).toBe(field);
  expect(problem.message).toContain(`${field} is not a setting`);
  expect(problem.remedy).toMatch(remedy);
});

test.each<[string, (config: Faulty) => void, string, string]>([
  ["enum slip", (c) => (c["shell"]!["kind"] = "electronbun"), "shell.kind", 'write kind: "electrobun"'],
  ["enum, nothing near", (c) => (c["sidecar"]!["kind"] = "deno"), "sidecar.kind", 'write kind: "pkg" or "bun"'],
  ["enum missing", (c) => delete c["sidecar"]!["kind"], "sidecar.kind", 'add kind: "pkg" or "bun"'],
  ["target slip", (c) => (c["targets"] = ["linux-x46"] as never), "targets[0]", 'write "linux-x64"'],
  ["no target", (c) => (c["targets"] = [] as never), "targets", 'write targets: "all"'],
  ["target word", (c) => (c["targets"] = "alll" as never), "targets", 'write targets: "all"'],
  ["wrong type", (c) => (c["app"]!["publisher"] = 3), "app.publisher", 'write publisher: "Example Ltd"'],
  ["section of the wrong type", (c) => (c["vendor"] = [] as never), "vendor", "write vendor as an object"],
  ["window", (c) => (c["shell"]!["window"] = { width: 10 }), "shell.window.width", "write width: 1000"],
  [
    "window contradicts",
    (c) => (c["shell"]!["window"] = { width: 300, minWidth: 400 }),
    "shell.window.minWidth",
    "write minWidth: 300",
  ],
  [
    "mirror",
    (c) => (c["vendor"] = { mirror: "ftp://x" }),
    "vendor.mirror",
    'write mirror: "https://mirror.example.com/erth"',
  ],
  [
    "mirror with a password",
    (c) => (c["vendor"] = { mirror: "https://u:p@x.example" }),
    "vendor.mirror",
    'write mirror: "https://mirror.example.com/erth"',
  ],
  ["missing entry", (c) => (c["sidecar"]!["entry"] = "sidecar/mian.ts"), "sidecar.entry", 'write "sidecar/main.ts"'],
  [
    "entry is a folder",
    (c) => (c["shell"]!["entry"] = "shell"),
    "shell.entry",
    "name the file itself, for example shell/main.ts",
  ],
  ["missing icon", (c) => (c["app"]!["icon"] = "art/logo.png"), "app.icon", "create art/logo.png, or correct the path"],
  [
    "missing migrations",
    (c) => (c["database"] = { migrations: "migration" }),
    "database.migrations",
    'write "migrations"',
  ],
  [
    "migrations without one",
    (c) => (c["database"] = { migrations: "icons" }),
    "database.migrations",
    "write icons/0001-first.sql, or remove database",
  ],
  [
    "missing vendor folder",
    (c) => (c["vendor"] = { folders: { "bun/linux-x64": "nowhere" } }),
    'vendor.folders["bun/linux-x64"]',
    "create nowhere, or correct the path",
  ],
])("%s: field and fix", (_, change, field, remedy) => {
  expect(problemWith(change)).toMatchObject({ field, remedy });
});

test("a secret is refused and never shown", () => {
  const token = `ghp_${"a".repeat(36)}`;
  const problems = problemsOf({ ...sampleConfig(), app: { ...sampleConfig().app, name: `${token}/x` }, token });
  expect(problems.map((problem) => problem.message).join("\n")).toContain("app.name looks like a key or a token");
  expect(JSON.stringify(problems)).not.toContain(token);
});

test.each([
  [undefined, "missing"],
  [null, "null"],
  ["x", '"x"'],
  [[], "an empty list"],
  [() => 1, "a function"],
  [5, "5"],
])("a config that is %s", (user, shown) => {
  const problems = problemsOf(user);
  expect(problems).toHaveLength(1);
  expect(problems[0]?.message).toContain(`the config is ${shown}`);
});

test("no value makes it fail with anything but problems", () => {
  const hostile = fc.anything({ withDate: true, withMap: true, withBigInt: true, withTypedArray: true, maxDepth: 3 });
  const keys = fc.constantFrom(
    "app",
    "shell",
    "sidecar",
    "database",
    "targets",
    "package",
    "budget",
    "vendor",
    "__proto__",
  );
  fc.assert(
    fc.property(fc.dictionary(keys, hostile), hostile, (changes, whole) => {
      for (const user of [{ ...sampleConfig(), ...changes }, whole]) {
        try {
          resolveConfig(user, app.file);
        } catch (error) {
          if (!(error instanceof ErthError)) throw error;
          expect(error.message.length).toBeLessThan(1000);
        }
      }
    }),
    { numRuns: 300 },
  );
});
