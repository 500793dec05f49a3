/** The `pkg` sidecar, built here and run as a user would: nothing of the project in reach. */
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Segment } from "../../../build/artifacts/artifact.ts";
import { stripElf } from "../../../build/sidecars/strip-file.ts";
import { sha256OfFile } from "../../../build/artifacts/digest.ts";
import { ADDON_FOLDER, FIXTURE, SEED, buildSidecar, runSidecar, type SidecarBuild } from "./sidecar-build.ts";

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
/** pkg takes 5 s with the machine to itself. */
const PKG_TIMEOUT_MS = 180_000;
/** Root may write anywhere, so its sidecar runs as nobody where the folder must be read-only. */
const NOBODY = process.getuid?.() === 0 ? 65_534 : undefined;
const asNobody: readonly string[] =
  NOBODY === undefined ? [] : ["/usr/bin/setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
const isHost = process.platform === "linux" && process.arch === "x64";

describe.skipIf(!isHost)("linux-x64 host: pkg sidecar", () => {
  const scratch = mkdtempSync(join(tmpdir(), "erth-pkg-"));
  let built: SidecarBuild;
  let program: string;
  let segments: readonly Segment[];
  let home: string;
  let cwd: string;

  beforeAll(async () => {
    built = await buildSidecar({ folder: join(scratch, "one"), kind: "pkg" });
    program = join(built.folder, built.facts.entry);
    segments = built.facts.segments[built.facts.entry] ?? [];
  }, PKG_TIMEOUT_MS);
  afterAll(() => rmSync(scratch, { recursive: true }));
  beforeEach(() => {
    home = mkdtempSync(join(scratch, "hême 日本 🌱-"));
    cwd = mkdtempSync(join(scratch, "nowhere-"));
  });

  const bytesOf = (file: string, { offset, length }: Segment): Buffer => {
    const bytes = Buffer.alloc(length);
    const handle = openSync(file, "r");
    readSync(handle, bytes, 0, length, offset);
    closeSync(handle);
    return bytes;
  };
  const ofPart = (part: string): readonly Segment[] => segments.filter((segment) => segment.part === part);
  const natives = (): string => join(home, ".cache", "dev.erth.test", "natives");

  test("one executable opens libSQL, has its seed, and maps the addon from the private cache only", async () => {
    const folder = join(scratch, "app só 日本");
    mkdirSync(folder);
    copyFileSync(program, join(folder, "sidecar 🌱"));
    chmodSync(join(folder, "sidecar 🌱"), 0o555);
    chmodSync(folder, 0o555);
    chmodSync(scratch, 0o755);
    for (const own of [home, cwd]) chownSync(own, NOBODY ?? process.getuid!(), NOBODY ?? process.getgid!());
    const [file, ...args] = [...asNobody, join(folder, "sidecar 🌱")];
    const printed = await runSidecar(file, args, { cwd, home });
    expect(printed).toMatchObject({
      title: "ärger 日本 🌱",
      style: "body { color: rebeccapurple }\n",
      seedBytes: SEED.length,
      schemaVersion: 1,
      migrations: ["0001-notes"],
      url: true,
      runtime: "node v26.10.0",
    });
    const [digest] = readdirSync(natives());
    expect(printed.libsql).toEqual([join(natives(), digest!, "libsql.node")]);
    expect(await sha256OfFile(printed.libsql[0]!)).toBe(digest);
    expect(statSync(join(natives(), digest!)).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual(["sidecar 🌱"]);
    expect(readdirSync(cwd)).toEqual([]);
    chmodSync(folder, 0o755);
    expect(built.warnings).toEqual([]);
  });

  test("simultaneous first starts all work and leave one whole file", async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => runSidecar(program, [], { cwd, home })));
    expect(new Set(all.map(({ libsql }) => libsql[0])).size).toBe(1);
    expect(readdirSync(join(natives(), readdirSync(natives())[0]!))).toEqual(["libsql.node"]);
  });

  test("a damaged addon in the cache is replaced", async () => {
    const [path] = (await runSidecar(program, [], { cwd, home })).libsql;
    truncateSync(path!, 1000);
    expect((await runSidecar(program, [], { cwd, home })).title).toBe("ärger 日本 🌱");
    expect(statSync(path!).size).toBe(ofPart("natives")[0]?.length);
  });

  test("NODE_OPTIONS of the user's own programs do not reach the app", async () => {
    const env = { NODE_OPTIONS: "--require /nowhere/at/all.js" };
    expect((await runSidecar(program, [], { cwd, home, env })).schemaVersion).toBe(1);
  });

  test("segments cover the file without gap or overlap; script, addon and seed are verbatim", async () => {
    let end = 0;
    for (const { offset, length } of segments) {
      expect(offset).toBe(end);
      end += length;
    }
    expect(end).toBe(statSync(program).size);
    expect(ofPart("database").map((one) => bytesOf(program, one))).toEqual([SEED]);
    await stripElf(join(ADDON_FOLDER, "index.node"), join(scratch, "stripped.node"));
    const [addon] = ofPart("natives");
    expect(bytesOf(program, addon!).equals(readFileSync(join(scratch, "stripped.node")))).toBe(true);
    expect(
      Buffer.concat(ofPart("app code").map((one) => bytesOf(program, one))).includes(readFileSync(built.main)),
    ).toBe(true);
    expect(ofPart("sidecar runtime").reduce((sum, { length }) => sum + length, 0)).toBeLessThan(117_000_000);
  });

  test(
    "same inputs, same bytes: another folder, another store, pkg run anew",
    async () => {
      const again = await buildSidecar({ folder: join(scratch, "ünother földer 日本"), kind: "pkg" });
      expect(await sha256OfFile(join(again.folder, again.facts.entry))).toBe(await sha256OfFile(program));
      expect(again.facts).toEqual(built.facts);
    },
    PKG_TIMEOUT_MS,
  );

  test("new app code: every byte of the runtime and the addon stays, and pkg is not needed again", async () => {
    const entry = join(scratch, "changed.ts");
    writeFileSync(entry, `import ${JSON.stringify(FIXTURE)};\nprocess.stderr.write("changed");`);
    const changed = await buildSidecar({ folder: join(scratch, "one"), kind: "pkg", entry });
    const file = join(changed.folder, changed.facts.entry);
    expect(readFileSync(changed.main).equals(readFileSync(built.main))).toBe(false);
    expect((await runSidecar(file, [], { cwd, home })).schemaVersion).toBe(1);
    const others = changed.facts.segments[changed.facts.entry] ?? [];
    for (const part of ["sidecar runtime", "natives", "database"]) {
      const after = others.filter((one) => one.part === part).map((one) => sha256(bytesOf(file, one)));
      expect(after, part).toEqual(ofPart(part).map((one) => sha256(bytesOf(program, one))));
    }
    expect([built.pkgRuns, changed.pkgRuns]).toEqual([1, 0]);
  });

  test("two versions side by side keep an addon each, and an addon with bytes behind its end is left as it is", async () => {
    const other = join(scratch, "other-addon");
    cpSync(ADDON_FOLDER, other, { recursive: true });
    appendFileSync(join(other, "index.node"), "a later build");
    const newer = await buildSidecar({ folder: join(scratch, "one"), kind: "pkg", addonFolder: other });
    const [old, fresh] = await Promise.all([
      runSidecar(program, [], { cwd, home }),
      runSidecar(join(newer.folder, newer.facts.entry), [], { cwd, home }),
    ]);
    expect(old.libsql).not.toEqual(fresh.libsql);
    expect(readdirSync(natives())).toHaveLength(2);
    expect(readFileSync(fresh.libsql[0]!).subarray(-13).toString()).toBe("a later build");
  });

  test("a home that cannot be written to is said, with what to do", async () => {
    const file = join(home, "not a folder");
    writeFileSync(file, "");
    await expect(runSidecar(program, [], { cwd, home, env: { ERTH_HOME: file } })).rejects.toMatchObject({
      message: expect.stringContaining("NATIVE_CACHE_UNWRITABLE"),
    });
  });
});
