import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test } from "vitest";
import type { DatabaseBundle } from "../../../runtime/base/database-bundle.ts";
import { openConnection } from "../../../runtime/database/connection.ts";
import { databaseFiles } from "../../../runtime/database/files.ts";
import { migrate } from "../../../runtime/database/migrate.ts";
import { openDatabase } from "../../../runtime/database/open.ts";
import { createStore } from "../../../runtime/database/store-libsql.ts";
import { bundleOf, bundleWithSeed, TODOS } from "./bundles.ts";
import { failsWith } from "./contract.ts";

const folders: string[] = [];
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "erth-around-"));
  folders.push(folder);
  return folder;
}
afterEach(() => {
  for (const folder of folders.splice(0)) {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true, force: true });
  }
});

const manyRows = Array.from({ length: 400 }, (_, row) => `('${row}', '${"text ".repeat(200)}')`).join();
const small = await bundleOf(TODOS);
const large = await bundleOf(`${TODOS}INSERT INTO todos (id, title) VALUES ${manyRows};`);
const grown = bundleWithSeed(small.seed, TODOS, `INSERT INTO todos (id, title) VALUES ${manyRows};`);

interface Surroundings {
  /** Shell command before the start. */
  readonly narrow: string;
  /** The program and its arguments that run the shell. */
  readonly shell?: readonly [string, ...string[]];
  readonly identity?: { readonly uid?: number; readonly gid?: number };
}

/** Writes bundles where `open-main.ts` reads them. */
function writeBundles(bundles: Readonly<Record<string, DatabaseBundle>>): string {
  const files = newFolder();
  chmodSync(files, 0o755);
  for (const [name, { seed, ...rest }] of Object.entries(bundles)) {
    writeFileSync(join(files, `${name}.seed`), seed);
    writeFileSync(join(files, `${name}.json`), JSON.stringify(rest));
  }
  return files;
}

const main = join(import.meta.dirname, "open-main.ts");

/** What `open-main.ts` prints when it opens the folder with each of the bundles in narrowed surroundings. */
function openIn(around: Surroundings, folder: string, bundles: Readonly<Record<string, DatabaseBundle>>): string {
  const files = writeBundles(bundles);
  const [program, ...args] = around.shell ?? ["/bin/sh"];
  const { stdout, stderr } = spawnSync(
    program,
    [
      ...args,
      "-c",
      `${around.narrow} && exec "$0" "$@"`,
      process.execPath,
      main,
      folder,
      files,
      ...Object.keys(bundles),
    ],
    { encoding: "utf8", ...around.identity },
  );
  expect(stderr).toBe("");
  return stdout;
}

const isPosix = existsSync("/bin/sh");
// Root may write anywhere; its child becomes nobody.
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

test.skipIf(!isPosix)("sh: a folder that may not be written is told, with the system's reason", () => {
  const folder = newFolder();
  chmodSync(folder, 0o555);
  expect(openIn({ narrow: "true", identity: nobody }, folder, { small })).toMatch(
    /^DATABASE_NOT_WRITABLE .*SQLITE_CANTOPEN.*\nleft: \n$/s,
  );
});

test.skipIf(!isPosix)("sh: a database that may only be read is told at the start, not at the first save", () => {
  const folder = newFolder();
  openDatabase({ folder, bundle: small }).close();
  chmodSync(join(folder, "app.db"), 0o444);
  chmodSync(folder, 0o755);
  expect(openIn({ narrow: "true", identity: nobody }, folder, { small })).toMatch(
    /^DATABASE_NOT_WRITABLE .*SQLITE_READONLY.*\nleft: app.db app.db.lock\n$/s,
  );
});

test.skipIf(!isPosix)("sh: a disk that fills up during the first start leaves nothing behind", () => {
  // A limit on file size, in blocks of 512 bytes, stands in for a full disk.
  expect(openIn({ narrow: "trap '' XFSZ; ulimit -f 100" }, newFolder(), { large, small })).toMatch(
    /^DATABASE_DISK_FULL .*\nleft: app.db.lock\nok 0\nleft: app.db app.db.lock\n$/s,
  );
});

const mounts = ["unshare", "-rm"] as const;
const canMount = spawnSync(mounts[0], [mounts[1], "mount", "-t", "tmpfs", "none", tmpdir()]).status === 0;

test.skipIf(!canMount)(
  "unshare: a full disk is told at the first start and at a migration, and nothing is lost",
  () => {
    const folder = newFolder();
    const narrow = `mount -t tmpfs -o size=256k none '${folder}'`;
    const bundles = { large, small, grown, "small-again": small };
    const output = openIn({ narrow, shell: [...mounts, "/bin/sh"] }, folder, bundles);
    expect(output).toMatch(
      /^DATABASE_DISK_FULL .*ENOSPC.*\nleft: app.db.lock\nok 0\nleft: app.db app.db.lock\nDATABASE_DISK_FULL .*SQLITE_FULL.*rolled back: the database is as it was, at version 1.*\nleft: app.db app.db.lock backups\nok 0\nleft: app.db app.db.lock backups\n$/s,
    );
  },
);

test("SQLite's own full disk: a migration is rolled back, a statement is told, and work goes on", () => {
  const folder = newFolder();
  const files = databaseFiles(folder);
  const first = openDatabase({ folder, bundle: small });
  first.run("INSERT INTO todos (id, title) VALUES ('a', 'kept')");
  first.close();
  const connection = openConnection(files.database);
  connection.exec("PRAGMA max_page_count = 20");
  const request = { connection, files, now: () => new Date(), log: () => undefined };
  const error = failsWith("DATABASE_DISK_FULL", () =>
    migrate({ ...request, bundle: grown, pending: grown.migrations.slice(1) }),
  );
  expect(error.message).toMatch(
    /^0002-step\.sql:1: .*SQLITE_FULL.*rolled back: the database is as it was, at version 1/,
  );
  const store = createStore(connection, files.database);
  failsWith("DATABASE_DISK_FULL", () =>
    store.run("INSERT INTO todos (id, title) VALUES ('b', ?)", "x".repeat(100_000)),
  );
  failsWith("DATABASE_DISK_FULL", () =>
    store.transaction(() => store.run("INSERT INTO todos (id, title) VALUES ('c', ?)", "x".repeat(100_000))),
  );
  expect(store.transaction(() => store.all("SELECT id FROM todos"))).toEqual([{ id: "a" }]);
  store.close();
});

test("a database that another process is writing to is waited for, then told", () => {
  const folder = newFolder();
  openDatabase({ folder, bundle: small }).close();
  const holder = openConnection(databaseFiles(folder).database);
  const waiting = openConnection(databaseFiles(folder).database);
  waiting.exec("PRAGMA busy_timeout = 10");
  const store = createStore(waiting, databaseFiles(folder).database);
  holder.exec("BEGIN IMMEDIATE");
  failsWith("DATABASE_BUSY", () => store.run("DELETE FROM todos"));
  holder.exec("ROLLBACK");
  expect(store.run("DELETE FROM todos").changes).toBe(0);
  store.close();
  holder.close();
});

test("a start waits while another process starts, backs up or restores", async () => {
  const folder = newFolder();
  const [lock, files] = ["lock", "files"].map((name) =>
    JSON.stringify(pathToFileURL(join(import.meta.dirname, `../../../runtime/database/${name}.ts`)).href),
  );
  const held = join(folder, "held");
  const script = `import { writeFileSync, rmSync } from "node:fs";
import { withLock } from ${lock};
import { databaseFiles } from ${files};
withLock(databaseFiles(${JSON.stringify(folder)}), () => {
  writeFileSync(${JSON.stringify(held)}, "");
  console.log("held");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  rmSync(${JSON.stringify(held)});
});`;
  // On a busy machine we may come when it is over: then there was nothing to wait for, and we come again.
  for (let hasWaited = false; !hasWaited;) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    await new Promise((resolve) => child.stdout.once("data", resolve));
    hasWaited = existsSync(held);
    const store = openDatabase({ folder, bundle: small });
    expect(existsSync(held)).toBe(false);
    store.close();
    expect(await ended).toBe(0);
  }
});

test("processes that make their first start in one folder at once all get the one database", async () => {
  const folder = newFolder();
  const files = writeBundles({ large });
  const outputs = await Promise.all(
    Array.from({ length: 4 }, () => {
      const child = spawn(process.execPath, [main, folder, files, "large"], { stdio: ["ignore", "pipe", "inherit"] });
      let said = "";
      child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
      return new Promise<string>((resolve) => child.on("close", () => resolve(said)));
    }),
  );
  for (const output of outputs) expect(output).toMatch(/^ok 400\n/);
  const store = openDatabase({ folder, bundle: large });
  store.close();
  expect(readdirSync(folder)).toEqual(["app.db", "app.db.lock"]);
});
