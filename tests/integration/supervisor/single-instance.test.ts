/** Any number of starts on either runtime: one is first. Needs: bun. */
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, onTestFinished, test } from "vitest";
import type { AppFolders } from "../../../runtime/base/folders.ts";
import { bun, hasBun, node, type Runtime } from "./runtimes.ts";
import { newFolders } from "./supervised.ts";

interface Start {
  readonly process: ChildProcess;
  /** Whether it is the first. */
  readonly isFirst: Promise<boolean>;
  /** Arguments of later starts. */
  readonly seconds: (readonly string[])[];
  readonly exited: Promise<unknown>;
}

function start(runtime: Runtime, folders: AppFolders, argument: string): Start {
  const script = join(import.meta.dirname, "claimant-main.ts");
  const child = spawn(runtime.path, [script, JSON.stringify(folders), argument], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const seconds: (readonly string[])[] = [];
  const exited = new Promise((resolve) => child.on("exit", resolve));
  const isFirst = new Promise<boolean>((resolve, reject) => {
    void exited.then((code) => reject(new Error(`exited with ${String(code)} undecided`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const event: unknown = JSON.parse(line);
      if (typeof event !== "object" || event === null) return;
      if ("first" in event) resolve(event.first === true);
      if ("second" in event && Array.isArray(event.second)) seconds.push(event.second.map(String));
    });
  });
  return { process: child, isFirst, seconds, exited };
}

describe.skipIf(!hasBun).each([
  [bun, node],
  [node, bun],
])("bun: first on $name", (one, two) => {
  test("a second start hands over its arguments; after a release or SIGKILL the next is first", async () => {
    const folders = newFolders();
    const first = start(one, folders, "a");
    expect(await first.isFirst).toBe(true);
    const second = start(two, folders, "--open=空");
    expect(await second.isFirst).toBe(false);
    await second.exited;
    await expect.poll(() => first.seconds, { timeout: 10_000 }).toEqual([["--open=空"]]);

    first.process.stdin?.write("release\n");
    await first.exited;
    expect(readdirSync(join(folders.cache, "instance"))).toEqual([]);

    const third = start(two, folders, "b");
    expect(await third.isFirst).toBe(true);
    third.process.kill("SIGKILL");
    await third.exited;
    const fourth = start(one, folders, "c");
    expect(await fourth.isFirst).toBe(true);
    expect(readdirSync(join(folders.cache, "instance")), "the stale socket is gone").toHaveLength(1);
  });
});

test.skipIf(!hasBun)("bun: of eight starts at once, over a stale socket, exactly one is first", async () => {
  const folders = newFolders();
  const stale = start(node, folders, "stale");
  await stale.isFirst;
  stale.process.kill("SIGKILL");
  await stale.exited;

  const starts = Array.from({ length: 8 }, (_, index) => start(index % 2 === 0 ? bun : node, folders, `${index}`));
  const verdicts = await Promise.all(starts.map(({ isFirst }) => isFirst));
  expect(verdicts.filter(Boolean)).toHaveLength(1);
  const winner = verdicts.indexOf(true);
  const others = verdicts.flatMap((isFirst, index) => (isFirst ? [] : [`${index}`]));
  await expect.poll(() => starts[winner]!.seconds.flat().sort(), { timeout: 10_000 }).toEqual(others);
});
