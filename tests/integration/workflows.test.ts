/** The workflows as a user gets them: what they may do, for how long, and that their gathering script works. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sha256 } from "../../build/artifacts/digest.ts";
import { readManifest } from "../../build/artifacts/manifest.ts";
import { scratchFolder } from "../support/scratch.ts";

const ROOT = join(import.meta.dirname, "../..");
const names = readdirSync(join(ROOT, "workflows")).filter((name) => name.endsWith(".yml"));
const textOf = (name: string): string => readFileSync(join(ROOT, "workflows", name), "utf8");
const hasTools = ["jq", "bash", "sha256sum"].every((tool) => spawnSync(tool, ["--version"]).status === 0);

/** The text of each job: from its name, two spaces in, to the next one. */
function jobsOf(text: string): readonly string[] {
  return text
    .slice(text.indexOf("\njobs:\n") + 7)
    .split(/^(?= {2}[\w-]+:$)/m)
    .filter((job) => job.trim() !== "");
}

/** The script of the step with this name, without its indentation. */
function scriptOf(text: string, step: string): string {
  const [, block = ""] = new RegExp(`- name: ${step}\\n\\s+run: \\|\\n((?: {10}.*\\n|\\n)+)`).exec(text) ?? [];
  return block.replaceAll(/^ {10}/gm, "");
}

test("the copies in .github/workflows are those of workflows/", () => {
  expect(names.length).toBeGreaterThan(1);
  execFileSync(process.execPath, [join(ROOT, "workflows/copy.ts"), "--check"], { stdio: "pipe" });
});

test.each(names)("%s: nothing is allowed but what a job asks for, and no job runs for ever", (name) => {
  const text = textOf(name);
  expect(text).toMatch(/^permissions: \{\}$/m);
  const jobs = jobsOf(text);
  expect(jobs.length).toBeGreaterThan(0);
  for (const job of jobs) {
    expect(job).toMatch(/^ {4}timeout-minutes: \d+$/m);
    expect(job).toMatch(/^ {4}permissions:\n/m);
  }
});

test.each(names)("%s: every action is pinned by commit, and no expression reaches a shell", (name) => {
  const text = textOf(name);
  const uses = [...text.matchAll(/^ +(?:- )?uses: (\S+)(.*)$/gm)];
  // A count of another kind of line, so that the pattern above cannot lose one.
  expect(uses).toHaveLength(text.match(/uses: \S+@/g)?.length ?? 0);
  for (const [, action, comment] of uses) {
    if (action?.startsWith("./")) continue;
    expect(action).toMatch(/@[0-9a-f]{40}$/);
    expect(comment).toMatch(/^ # v\d/);
  }
  // A title or a tag could hold a command: values come as environment variables.
  for (const [script] of text.matchAll(/run: (?:\|\n(?: {10}.*\n|\n)+|.*)/g)) expect(script).not.toContain("${{");
});

test.skipIf(!hasTools)("jq: the files of all targets come together with one manifest and checked sums", async () => {
  const folder = await scratchFolder();
  for (const target of ["linux-x64", "darwin-arm64"]) {
    const place = join(folder, `targets/release-${target}/1.2.3`);
    mkdirSync(place, { recursive: true });
    const path = `notes-1.2.3-${target}`;
    const bytes = { "shell runtime": 1, "sidecar runtime": 0, natives: 0, "app code": 0, database: 0, container: 0 };
    const file = { kind: "installer", target, path, bytes: path.length, sha256: sha256(path), format: "zip" } as const;
    const made = { shell: "webview", sidecar: "pkg", signedBy: null, app: sha256("app"), from: [] } as const;
    const facts = { ...made, proven: [], unproven: [] };
    const about = { name: "Notes", slug: "notes", identifier: "a.b", version: "1.2.3", packages: {}, companions: [] };
    const artifacts = [{ ...file, ...facts, compressedBytes: bytes, diskBytes: bytes }];
    writeFileSync(join(place, path), path);
    writeFileSync(join(place, "manifest.json"), JSON.stringify({ schema: 1, ...about, artifacts }));
    writeFileSync(join(place, "SHA256SUMS"), `${sha256(path)}  ${path}\n`);
  }
  const script = scriptOf(textOf("release.yml"), "Gather the files, their sums and one manifest");
  expect(script).toContain("jq");
  const { status, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", script], { cwd: folder, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  const files = join(folder, "files");
  const paths = ["notes-1.2.3-darwin-arm64", "notes-1.2.3-linux-x64"];
  expect(readdirSync(files).sort()).toEqual(["SHA256SUMS", "manifest.json", ...paths]);
  expect((await readManifest(join(files, "manifest.json")))?.artifacts.map(({ path }) => path).sort()).toEqual(paths);
  expect(readFileSync(join(files, "SHA256SUMS"), "utf8")).toBe(
    paths.map((path) => `${sha256(path)}  ${path}\n`).join(""),
  );
});
