import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runInNewContext } from "node:vm";
import { afterAll, expect, test } from "vitest";
import { bundleSidecar, type SidecarBundle } from "../../../build/sidecars/bundle.ts";
import { nativeProblems } from "../../../build/sidecars/natives.ts";
import { ProblemsError } from "../../../runtime/base/errors.ts";

const scratch = mkdtempSync(join(tmpdir(), "erth-bundle-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A project of these files; `main.ts` is the entry. */
function project(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(scratch, "project-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

const bundle = (root: string): Promise<SidecarBundle> =>
  bundleSidecar({
    entry: join(root, "main.ts"),
    root,
    identifier: "dev.erth.test",
    database: { schemaVersion: 1, migrations: [{ name: "0001-a", sha256: "00", sql: "CREATE TABLE a (b)" }] },
    bunOnly: false,
  });

/** Runs a bundle as the main script would be, and gives what it exports. */
function run({ code }: SidecarBundle, modules: (name: string) => unknown = () => ({})): Record<string, unknown> {
  const module = { exports: {} };
  runInNewContext(`(function (module, exports, require, __filename, __dirname) {${Buffer.from(code).toString()}\n})`, {
    process,
    TextEncoder,
    TextDecoder,
  })(module, module.exports, (name: string) => process.getBuiltinModule(name) ?? modules(name), "/app/main.js", "/app");
  return module.exports;
}

const problemsOf = (error: unknown) => (error instanceof ProblemsError ? error.problems : [error]);
const textual = (name: string, code: string) => ({ [`node_modules/${name}/index.js`]: code });
const manifest = (name: string, rest: object = {}) => ({
  [`node_modules/${name}/package.json`]: JSON.stringify({ name, version: "1.0.0", ...rest }),
});

test("files to serve come as text; minified scripts too, unless a package imports its own", async () => {
  const root = project({
    ...manifest("dep", { main: "index.js" }),
    ...textual("dep", "module.exports = require('./code.min.js')"),
    "node_modules/dep/code.min.js": "module.exports = 42",
    "htmx.min.js": "alert(1)",
    "a.css": "b{}",
    "a.svg": "<svg/>",
    "a.sql": "SELECT 1",
    "a.txt": "日本",
    "main.ts": `
      import dep from "dep"; import min from "./htmx.min.js"; import css from "./a.css";
      import svg from "./a.svg"; import sql from "./a.sql"; import txt from "./a.txt";
      export const all = [dep, min, css, svg, sql, txt].join("|");`,
  });
  expect(run(await bundle(root)).all).toBe("42|alert(1)|b{}|<svg/>|SELECT 1|日本");
});

test("JSX is hono's without any tsconfig, and what a tsconfig says with one", async () => {
  const jsx = {
    ...manifest("hono", { exports: { "./jsx/jsx-runtime": "./index.js" } }),
    ...textual("hono", "exports.jsx = (tag) => 'hono ' + tag"),
    ...manifest("other", { exports: { "./jsx-runtime": "./index.js" } }),
    ...textual("other", "exports.jsx = (tag) => 'other ' + tag"),
    "view.tsx": "export const view = <p />;",
    "main.ts": `export { view } from "./view.tsx";`,
  };
  expect(run(await bundle(project(jsx))).view).toBe("hono p");
  const tsconfig = JSON.stringify({ compilerOptions: { jsx: "react-jsx", jsxImportSource: "other" } });
  expect(run(await bundle(project({ ...jsx, "tsconfig.json": tsconfig }))).view).toBe("other p");
});

test("the script is plain ASCII, has no absolute paths, and is the same from any folder", async () => {
  const files = {
    ...manifest("native", { optionalDependencies: { "native-linux-x64": "1.0.0" } }),
    ...textual("native", "module.exports = require(`native-${process.platform}-${process.arch}`)"),
    "main.ts": `/*! licence */ import { database } from "erth:database"; import "native";
      export const here = import.meta.url; export const folder = import.meta.dirname;
      export const all = "ärger 日本 🌱" + database.migrations[0].name;`,
  };
  const [one, other] = await Promise.all([bundle(project(files)), bundle(project(files))]);
  expect(Buffer.from(one.code)).toEqual(Buffer.from(other.code));
  expect(one.metafile).toEqual(other.metafile);
  const text = Buffer.from(one.code).toString();
  expect(text).toMatch(/^[\n -~]*$/);
  expect(text).not.toContain(scratch);
  expect(text).not.toContain(import.meta.dirname.slice(0, import.meta.dirname.indexOf("tests")));
  expect(text).not.toContain("licence");
});

test("import.meta works in the CommonJS script", async () => {
  const root = project({
    "main.ts": "export const all = [import.meta.url, import.meta.dirname, import.meta.filename];",
  });
  expect(run(await bundle(root)).all).toEqual(["file:///app/main.js", "/app", "/app/main.js"]);
});

test("what Bun's engine lacks is lowered, since Bun runs the script untranslated", async () => {
  const root = project({
    "main.ts": `const order: string[] = [];
      { using a = { [Symbol.dispose]: () => order.push("disposed") }; order.push("used"); }
      export { order };`,
  });
  const made = await bundle(root);
  expect(Buffer.from(made.code).toString()).not.toMatch(/\busing\b/);
  expect(run(made).order).toEqual(["used", "disposed"]);
});

test("the database module has the migrations; its seed is read only when asked for", async () => {
  const root = project({ "main.ts": `export { database } from "erth:database";` });
  const { database } = run(await bundle(root)) as { database: Record<string, unknown> };
  expect(database.schemaVersion).toBe(1);
  expect(database.migrations).toEqual([{ name: "0001-a", sha256: "00", sql: "CREATE TABLE a (b)" }]);
  expect(Object.getOwnPropertyDescriptor(database, "seed")).not.toHaveProperty("value");
  expect(database.seed).toHaveLength(0);
});

test("top-level await is refused with its place and a way out, every one of them", async () => {
  const root = project({
    "other.ts": "export const a = await Promise.resolve(1);",
    "main.ts": 'import "./other.ts";\nconst b = await fetch("x");\nconsole.log(b);',
  });
  const problems = await bundle(root).catch(problemsOf);
  expect(problems).toEqual([
    expect.objectContaining({
      code: "BUNDLE_TOP_LEVEL_AWAIT",
      message: expect.stringMatching(/^(main.ts:2:11|other.ts:1:18): /),
    }),
    expect.objectContaining({
      code: "BUNDLE_TOP_LEVEL_AWAIT",
      message: expect.stringMatching(/^(main.ts:2:11|other.ts:1:18): /),
    }),
  ]);
});

test("all faults come at once, with file and line; a missing package with its install command", async () => {
  const root = project({
    "main.ts": 'import "@scope/pack/sub";\nimport "./nowhere.ts";\nimport "./bad.ts";',
    "bad.ts": "\nconst = 1;",
  });
  const problems = await bundle(root).catch(problemsOf);
  expect(problems).toHaveLength(3);
  expect(problems).toContainEqual(
    expect.objectContaining({ message: expect.stringContaining("main.ts:1:8"), remedy: "npm install @scope/pack" }),
  );
  expect(problems).toContainEqual(expect.objectContaining({ message: expect.stringContaining("bad.ts:2:7") }));
});

/** What napi-rs generates, in short: a file beside, then the platform's package and its version. */
const NAPI = `
  let binding;
  try { binding = require('./crypt.linux-x64-gnu.node') } catch (e) {}
  if (!binding) try {
    binding = process.arch === 'x64' ? require('@scope/crypt-linux-x64-gnu') : require('@scope/crypt-linux-arm64-gnu');
    if (require('@scope/crypt-linux-x64-gnu/package.json').version !== '1.0.0') throw new Error('version');
  } catch (e) { binding = { failed: e.code } }
  module.exports = binding;`;

test("napi-rs: every branch leads to the one loader, and the version check passes", async () => {
  const root = project({
    ...manifest("@scope/crypt", {
      optionalDependencies: { "@scope/crypt-linux-x64-gnu": "1.0.0", "@scope/crypt-linux-arm64-gnu": "1.0.0" },
    }),
    ...textual("@scope/crypt", NAPI),
    "main.ts": `import crypt from "@scope/crypt"; export { crypt };`,
  });
  const made = await bundle(root);
  expect(made.families.map(({ name }) => name)).toEqual(["@scope+crypt"]);
  const noLocalBuild = (): never => {
    throw new Error("no local build");
  };
  // There is no addon beside the script, and it is the loader that says so.
  expect(run(made, noLocalBuild).crypt).toEqual({ failed: "NATIVE_MISSING" });
  expect(await nativeProblems(made.families, [], ["linux-x64", "win32-x64"])).toEqual([
    expect.objectContaining({
      code: "NATIVE_UNAVAILABLE",
      message:
        "@scope+crypt has no native build for win32-x64; there is @scope/crypt-linux-arm64-gnu, @scope/crypt-linux-x64-gnu.",
    }),
  ]);
});

test("an app may load a family's addon itself, by name", async () => {
  const root = project({
    ...manifest("native", { optionalDependencies: { "native-linux-x64": "3.1.4" } }),
    ...textual("native", "module.exports = 'the wrapper'"),
    "main.ts": `import addon from "erth:native/native"; export { addon };`,
  });
  expect((await bundle(root).catch(problemsOf)) as SidecarBundle).toMatchObject({
    families: [{ name: "native", packages: { "linux-x64": { package: "native-linux-x64", version: "3.1.4" } } }],
  });
  const wrong = project({ "main.ts": `import "erth:native/nothing";` });
  expect(await bundle(wrong).catch(problemsOf)).toEqual([
    expect.objectContaining({ message: expect.stringContaining("nothing is no installed package with a prebuilt") }),
  ]);
});

test("an addon file is taken for its own platform, and refused by name for the others", async () => {
  const elf = Buffer.alloc(64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]).copy(elf);
  elf[0x12] = 62;
  const root = project({ "main.ts": `import "./fast.node";`, "fast.node": elf.toString("latin1") });
  const { files } = await bundle(root);
  expect(files).toEqual([{ name: "file-fast", path: join(root, "fast.node") }]);
  expect(await nativeProblems([], files, ["linux-x64"])).toEqual([]);
  const [problem] = await nativeProblems([], files, ["linux-x64", "darwin-arm64"]);
  expect(problem).toMatchObject({ code: "NATIVE_WRONG_TARGET" });
  expect(problem?.message).toContain("fast.node is built for linux-x64, and cannot run on darwin-arm64");
});

test("addons that are looked for on disk, or in an unknown way, are warned about", async () => {
  const root = project({
    ...manifest("old"),
    ...textual("old", "module.exports = require('node-gyp-build')(__dirname)"),
    ...manifest("odd", { optionalDependencies: { "odd-linux-x64": "1.0.0" } }),
    ...textual("odd", "const r = require; module.exports = r('odd-' + process.platform)"),
    "main.ts": `import "old"; import "odd";`,
  });
  const { warnings } = await bundle(root);
  expect(warnings.join("\n")).toContain("old looks for its native addon on disk through node-gyp-build");
  expect(warnings.join("\n")).toContain("odd has prebuilt addons, but does not load them in a way");
});
