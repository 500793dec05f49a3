import { readFile, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { limiter } from "../../../build/artifacts/limiter.ts";
import { openPieces } from "../../../build/artifacts/pieces.ts";
import { scratchFolder } from "../../support/scratch.ts";

test("a piece is made once, however many ask at once", async () => {
  const pieces = await openPieces(await scratchFolder());
  let made = 0;
  const make = async (path: string): Promise<void> => {
    made += 1;
    await writeFile(path, "frame");
  };
  const paths = await Promise.all([pieces.get("a", make), pieces.get("a", make), pieces.get("a", make)]);
  expect(new Set(paths).size).toBe(1);
  await pieces.get("a", make);
  expect(made).toBe(1);
  expect(await readFile(paths[0], "utf8")).toBe("frame");
});

test("a piece whose maker fails leaves nothing behind and can be made again", async () => {
  const folder = await scratchFolder();
  const pieces = await openPieces(folder);
  await expect(
    pieces.get("a", async (path) => {
      await writeFile(path, "half");
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  expect(await readdir(join(folder, "pieces"))).toEqual([]);
  expect(await readdir(join(folder, "pieces-work"))).toEqual([]);
  expect(await readFile(await pieces.get("a", (path) => writeFile(path, "whole")), "utf8")).toBe("whole");
});

test("prune removes the least recently used first", async () => {
  const pieces = await openPieces(await scratchFolder());
  const old = await pieces.get("old", (path) => writeFile(path, "12345"));
  await utimes(old, new Date(1000), new Date(1000));
  const recent = await pieces.get("recent", (path) => writeFile(path, "12345"));
  await pieces.prune(5);
  await expect(readFile(old)).rejects.toThrow("ENOENT");
  expect(await readFile(recent, "utf8")).toBe("12345");
});

test("the limiter never lets more than its count run, even when tasks fail", async () => {
  const limit = limiter(2);
  let running = 0;
  let most = 0;
  const tasks = Array.from({ length: 20 }, (_, index) =>
    limit(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, index % 3));
      running -= 1;
      if (index % 4 === 0) throw new Error("task");
    }),
  );
  const results = await Promise.allSettled(tasks);
  expect(results.filter((result) => result.status === "rejected")).toHaveLength(5);
  expect(most).toBe(2);
});
