import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import { onTestFinished, expect, test } from "vitest";
import { cached, cleanEnv, core, host, lockOf, scratch, sha256, vendor } from "./setup.ts";

const SCRIPT = fileURLToPath(new URL("./fetch-one.ts", import.meta.url));

function fetchOne(root: string, url: string, digest: string): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, [SCRIPT, join(root, "cache"), url, digest], {
    env: cleanEnv(root),
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

async function archive() {
  const root = scratch();
  const bytes = core();
  const server = await host({ "/core.tar.gz": bytes });
  const url = `${server.url}/core.tar.gz`;
  const lock = lockOf({ core: { source: "archive", url, sha256: sha256(bytes) } });
  return { root, server, url, lock, digest: sha256(bytes), bytes };
}

test("a client killed in the middle of a download is continued by the next one", async () => {
  const { root, server, url, lock, digest } = await archive();
  server.answer("/core.tar.gz", { kind: "drip", chunkBytes: 30_000, everyMs: 40 });
  const child = fetchOne(root, url, digest);
  for await (const line of child.stderr) if (Number(String(line).trim().split("\n").at(-1)) >= 90_000) break;
  child.kill("SIGKILL");
  await once(child, "close");
  const folder = await vendor(root, lock).folder("core");
  expect(readFileSync(join(folder, "main.js"), "utf8")).toBe("// main");
  expect(Number(/^bytes=(\d+)-$/.exec(server.requests.at(-1)?.range ?? "")?.[1])).toBeGreaterThanOrEqual(90_000);
  expect(cached(root).filter((path) => path.endsWith(".part"))).toEqual([]);
});

test("two processes at once both get the whole folder, and nothing half-made stays", async () => {
  const { root, server, url, digest } = await archive();
  const drip = { kind: "drip", chunkBytes: 40_000, everyMs: 20 } as const;
  server.answer("/core.tar.gz", drip, drip);
  const children = [fetchOne(root, url, digest), fetchOne(root, url, digest)];
  const [one, two] = await Promise.all(children.map((child) => text(child.stdout)));
  expect(one).toBe(two);
  expect(readFileSync(join(one ?? "", "main.js"), "utf8")).toBe("// main");
  expect(cached(root).filter((path) => path.includes(".part") || path.startsWith(".unpacking/"))).toEqual([]);
});

test("what a process killed while unpacking left behind is swept away; a living one's is not", async () => {
  const { root, lock } = await archive();
  const unpacking = join(root, "cache/vendor/.unpacking");
  const host = hostname().replaceAll(/[^A-Za-z0-9-]/g, "-");
  // No process has the highest number that fits; this one certainly runs.
  const dead = `${host}.4194303.aaaaaaaa`;
  const alive = `${host}.${process.pid}.bbbbbbbb`;
  const elsewhere = "other-machine.1.cccccccc";
  const silent = "other-machine.1.dddddddd";
  for (const tag of [dead, alive, elsewhere, silent]) mkdirSync(join(unpacking, tag), { recursive: true });
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(join(unpacking, silent), longAgo, longAgo);
  await vendor(root, lock).folder("core");
  expect(cached(root).filter((path) => path.startsWith(".unpacking/"))).toEqual(
    [`.unpacking/${alive}`, `.unpacking/${elsewhere}`].sort(),
  );
});

test.each([
  ["a file of it is gone", (folder: string) => rmSync(join(folder, "main.js"))],
  ["a file of it is cut short", (folder: string) => truncateSync(join(folder, "main.js"), 1)],
  ["its marker is gone", (folder: string) => rmSync(join(folder, "../.ok"))],
  ["its marker is cut short", (folder: string) => truncateSync(join(folder, "../.ok"), 9)],
  [
    "its marker is of other bytes",
    (folder: string) => writeFileSync(join(folder, "../.ok"), '{"v":1,"digest":"x","files":3,"bytes":200007}'),
  ],
])("a cached entry is made again when %s", async (_, damage) => {
  const { root, server, lock } = await archive();
  const folder = await vendor(root, lock).folder("core");
  damage(folder);
  expect(vendor(root, lock, { offline: true }).isObtainable("core")).toBe(false);
  expect(await vendor(root, lock).folder("core")).toBe(folder);
  expect(readFileSync(join(folder, "main.js"), "utf8")).toBe("// main");
  expect(server.requests).toHaveLength(2);
});
