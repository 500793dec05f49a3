import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { folderDigest } from "../../../build/vendor/tree-digest.ts";

function tree(): string {
  const root = mkdtempSync(join(tmpdir(), "erth-tree-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, "core");
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, "bin/launcher"), "launcher", { mode: 0o755 });
  writeFileSync(join(folder, "main.js"), "main");
  symlinkSync("bin/launcher", join(folder, "link"));
  return folder;
}

test("the digest is of the tree, not of where it lies or when it was written", () => {
  const folder = tree();
  const digest = folderDigest(folder);
  cpSync(folder, `${folder}-copy`, { recursive: true, verbatimSymlinks: true });
  utimesSync(join(`${folder}-copy`, "main.js"), 1, 1);
  expect(folderDigest(`${folder}-copy`)).toBe(digest);
});

test.each([
  ["a changed byte", (folder: string) => writeFileSync(join(folder, "main.js"), "Main")],
  ["another name", (folder: string) => renameSync(join(folder, "main.js"), join(folder, "Main.js"))],
  ["another place", (folder: string) => renameSync(join(folder, "main.js"), join(folder, "bin/main.js"))],
  ["a lost executable bit", (folder: string) => chmodSync(join(folder, "bin/launcher"), 0o644)],
  ["an empty folder more", (folder: string) => mkdirSync(join(folder, "empty"))],
  [
    "a link to elsewhere",
    (folder: string) => {
      rmSync(join(folder, "link"));
      symlinkSync("main.js", join(folder, "link"));
    },
  ],
])("%s is another digest", (_, change) => {
  const folder = tree();
  const digest = folderDigest(folder);
  change(folder);
  expect(folderDigest(folder)).not.toBe(digest);
});
