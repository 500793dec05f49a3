import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { resolveConfig } from "../../../build/config/resolve.ts";
import { ProblemsError } from "../../../runtime/base/errors.ts";
import { sampleApp, sampleConfig } from "./sample.ts";

const app = sampleApp();

/** The messages about `package.pkg`, each with its remedy. */
function problems(pkg: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    resolveConfig({ ...sampleConfig(), package: { pkg } }, app.file);
  } catch (error) {
    if (!(error instanceof ProblemsError)) throw error;
    return error.problems.map(({ message, remedy }) => `${message.split(": ").slice(1).join(": ")} ${remedy}`);
  }
  return [];
}

test("a whole section is taken, its folder absolute", () => {
  mkdirSync(join(app.folder, "scripts"));
  const pkg = {
    installLocation: "/Applications/Our Apps",
    domain: "any",
    scripts: "scripts",
    tool: "pkgbuild",
  } as const;
  const resolved = resolveConfig({ ...sampleConfig(), package: { pkg } }, app.file);
  expect(resolved.package.pkg).toEqual({ ...pkg, scripts: join(app.folder, "scripts") });
});

test("each fault is told with what to write instead", () => {
  expect(problems({ installLocation: "Applications" })).toEqual([
    'package.pkg.installLocation is "Applications"; it must be an absolute path on the user\'s Mac. write installLocation: "/Applications"',
  ]);
  for (const installLocation of ["/a/../b", "/a//b", "/a/", "/./a"]) {
    expect(problems({ installLocation })).toEqual([expect.stringContaining("an empty folder name, . or ..")]);
  }
  expect(problems({ installLocation: "/a\nb" })).toEqual([expect.stringContaining("a control character")]);
  expect(problems({ installLocation: "/" })).toEqual([]);
  expect(problems({ scripts: "nowhere" })).toEqual([expect.stringContaining("does not exist")]);
  expect(problems({ domain: "everyone" })).toEqual([expect.stringContaining("package.pkg.domain")]);
});
