import { mkdir, readdir, symlink, utimes, writeFile, chmod } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStageCache } from "../../../build/artifacts/cache.ts";
import { canonicalJson, digestPath, sha256 } from "../../../build/artifacts/digest.ts";
import { scratchFolder } from "../../support/scratch.ts";

const icons = (path: string) => ({ kind: "icons", path, facts: { sizes: [16] } }) as const;

test("keeps a stage's results under its key and finds them again", async () => {
  const folder = await scratchFolder();
  const cache = await openStageCache(folder);
  const key = sha256("key");
  const workFolder = await cache.newWorkFolder();
  await mkdir(join(workFolder, "icons"));
  await writeFile(join(workFolder, "icons", "a.png"), "picture");
  const { artifacts } = await cache.keep({
    key,
    workFolder,
    drafts: [icons(join(workFolder, "icons"))],
    target: "any",
    from: [],
  });
  expect(artifacts[0]).toMatchObject({ kind: "icons", bytes: 7, target: "any" });
  expect(await (await openStageCache(folder)).find(key)).toEqual(artifacts);
  expect(await readdir(join(folder, "work"))).toEqual([]);
});

test("a second writer of the same key keeps the first one's entry", async () => {
  const cache = await openStageCache(await scratchFolder());
  const key = sha256("key");
  const made = [];
  for (let round = 0; round < 2; round += 1) {
    const workFolder = await cache.newWorkFolder();
    await writeFile(join(workFolder, "one"), "same");
    made.push(await cache.keep({ key, workFolder, drafts: [icons(join(workFolder, "one"))], target: "any", from: [] }));
  }
  expect(made[1]).toEqual(made[0]);
});

test("work folders of dead processes go at the next start, those of living ones stay", async () => {
  const folder = await scratchFolder();
  await openStageCache(folder);
  await mkdir(join(folder, "work", "999999999-aa"));
  await mkdir(join(folder, "work", `${process.pid}-bb`));
  await openStageCache(folder);
  expect(await readdir(join(folder, "work"))).toEqual([`${process.pid}-bb`]);
});

test("prune removes entries that no project uses", async () => {
  const cache = await openStageCache(await scratchFolder());
  for (const name of ["old", "new"]) {
    const workFolder = await cache.newWorkFolder();
    await writeFile(join(workFolder, "file"), name);
    await cache.keep({
      key: sha256(name),
      workFolder,
      drafts: [icons(join(workFolder, "file"))],
      target: "any",
      from: [],
    });
  }
  await cache.prune(new Set([sha256("new")]));
  expect(await cache.find(sha256("old"))).toBeUndefined();
  expect(await cache.find(sha256("new"))).toBeDefined();
});

test("prune leaves everything to a run that goes on beside: its results are in no history yet", async () => {
  const folder = await scratchFolder();
  const [first, second] = [await openStageCache(folder), await openStageCache(folder)];
  const workFolder = await second.newWorkFolder();
  await writeFile(join(workFolder, "file"), "made by the second");
  const drafts = [icons(join(workFolder, "file"))];
  await second.keep({ key: sha256("second"), workFolder, drafts, target: "any", from: [] });
  await first.prune(new Set());
  expect(await second.find(sha256("second"))).toBeDefined();
  await second.prune(new Set());
  expect(await second.find(sha256("second"))).toBeUndefined();
});

test("a tree's digest sees names, links and executable bits, but no times", async () => {
  const folder = await scratchFolder();
  await writeFile(join(folder, "run"), "bytes");
  await symlink("run", join(folder, "link"));
  const first = await digestPath(folder);
  await utimes(join(folder, "run"), new Date(0), new Date(0));
  expect(await digestPath(folder)).toEqual(first);
  await chmod(join(folder, "run"), 0o755);
  const executable = await digestPath(folder);
  expect(executable.sha256).not.toBe(first.sha256);
  await mkdir(join(folder, "empty"));
  expect((await digestPath(folder)).sha256).not.toBe(executable.sha256);
});

test("canonical JSON does not depend on the order of keys", () => {
  expect(canonicalJson({ b: 1, a: { d: [2, 1], c: undefined } })).toBe('{"a":{"d":[2,1]},"b":1}');
});
