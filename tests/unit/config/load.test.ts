import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { findConfig, type LoadOptions } from "../../../build/config/load.ts";
import { temporaryFolder } from "./temporary.ts";

function folderWith(files: Readonly<Record<string, string>>): string {
  return temporaryFolder({ "package.json": '{"type":"module"}', ...files });
}

interface Outcome {
  readonly loaded?: unknown;
  readonly code?: string;
  readonly message?: string;
  readonly remedy?: string;
}

const load = new URL("../../../build/config/load.ts", import.meta.url).href;
const run = promisify(execFile);

/** Loads in a Node of its own: the test runner transforms what it imports, and words its errors otherwise. */
async function outcome(options: LoadOptions): Promise<Outcome> {
  const program = `
    import { loadConfig } from ${JSON.stringify(load)};
    const outcome = await loadConfig(${JSON.stringify(options)}).then(
      (loaded) => ({ loaded }),
      ({ code, message, remedy }) => ({ code, message, remedy }),
    );
    console.log(JSON.stringify(outcome));
  `;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program]);
  const parsed: unknown = JSON.parse(stdout);
  return typeof parsed === "object" && parsed !== null ? parsed : {};
}

test.each(["erth.config.ts", "erth.config.mts", "erth.config.js", "erth.config.mjs"])(
  "%s is imported",
  async (name) => {
    const cwd = folderWith({ [name]: 'export default { hello: "world" };\n' });
    expect((await outcome({ cwd })).loaded).toEqual({ file: join(cwd, name), user: { hello: "world" } });
  },
);

test("erth.config.json is read, a byte-order mark aside", async () => {
  const cwd = folderWith({ "erth.config.json": '\uFEFF{ "a": 1 }' });
  expect((await outcome({ cwd })).loaded).toMatchObject({ user: { a: 1 } });
});

test("types are erased, and a config may import", async () => {
  const cwd = folderWith({
    "erth.config.ts":
      'import { name } from "./name.ts";\nconst config: { name: string } = { name };\nexport default config;\n',
    "name.ts": 'export const name: string = "x";\n',
  });
  expect((await outcome({ cwd })).loaded).toMatchObject({ user: { name: "x" } });
});

test("a path names the file or its folder", async () => {
  const cwd = folderWith({ "app/erth.config.mjs": "export default 1;" });
  const file = join(cwd, "app/erth.config.mjs");
  expect(findConfig({ cwd, path: "app/erth.config.mjs" })).toBe(file);
  expect(findConfig({ cwd, path: "app" })).toBe(file);
});

test("the search goes up, and stops at the repository", () => {
  const outer = folderWith({
    "erth.config.ts": "",
    "repo/.git/HEAD": "",
    "repo/src/a": "",
    "app/erth.config.ts": "",
    "app/ui/a": "",
  });
  expect(findConfig({ cwd: join(outer, "app/ui") })).toBe(join(outer, "app/erth.config.ts"));
  expect(() => findConfig({ cwd: join(outer, "repo/src") })).toThrow(`Tried ${outer}/repo/src, ${outer}/repo.`);
});

test("a config one folder below is suggested", async () => {
  const cwd = folderWith({ ".git/HEAD": "", "app/erth.config.ts": "export default 1;" });
  expect(await outcome({ cwd })).toMatchObject({ code: "CONFIG_NOT_FOUND", remedy: "add --config app" });
});

test("two configs in one folder are refused", async () => {
  const cwd = folderWith({ "erth.config.ts": "", "erth.config.json": "" });
  const error = await outcome({ cwd });
  expect(error.code).toBe("CONFIG_AMBIGUOUS");
  expect(error.message).toContain("erth.config.ts and erth.config.json");
});

test("a given path that is not there suggests the one that is", async () => {
  const cwd = folderWith({ "erth.config.ts": "" });
  expect(await outcome({ cwd, path: "erth.confg.ts" })).toMatchObject({
    code: "CONFIG_NOT_FOUND",
    remedy: "--config erth.config.ts",
  });
  expect(await outcome({ cwd, path: "nowhere/x.ts" })).toMatchObject({ remedy: "correct the path after --config" });
});

test.each([
  [
    "it throws",
    "const a = 1;\n  throw new Error('boom');\nexport default a;\n",
    /erth\.config\.ts:2:\d+ failed while loading: boom/,
  ],
  ["it has a syntax error", "const a = 1;\nexport default {{;\n", /erth\.config\.ts:2 failed/],
  [
    "it has types that cannot be erased",
    "enum A { B }\nexport default {};\n",
    /erth\.config\.ts:1 failed while loading: TypeScript enum/,
  ],
  ["it imports what is not there", 'import x from "./nope.ts";\nexport default x;\n', /nope\.ts/],
  ["it throws a string", 'throw "plain";\n', /failed while loading: plain/],
  ["it has no default export", "export const a = 1;\n", /has no default export/],
  ["it never finishes", "await new Promise(() => {});\nexport default {};\n", /did not finish loading in 0\.2 s/],
])("%s: said with the place", async (_, text, message) => {
  const error = await outcome({
    cwd: folderWith({ "erth.config.ts": text }),
    timeoutMs: _.includes("never") ? 200 : 10_000,
  });
  expect(error.code).toBe("CONFIG_LOAD");
  expect(error.message).toMatch(message);
});

test("broken JSON says where", async () => {
  const error = await outcome({ cwd: folderWith({ "erth.config.json": '{ "a": 1,\n}' }) });
  expect(error).toMatchObject({ code: "CONFIG_LOAD", message: expect.stringContaining("line 2") });
});

test("another kind of file is refused", async () => {
  const error = await outcome({ cwd: folderWith({ "erth.yaml": "" }), path: "erth.yaml" });
  expect(error.message).toContain("ends in .yaml");
});
