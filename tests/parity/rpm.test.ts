/** rpm judges our packages: reads, checks, installs, verifies, upgrades and erases them in a root of its own. */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestPath } from "../../build/artifacts/digest.ts";
import { packageVersion } from "../../build/stages/package/linux-package.ts";
import { scratchFolder } from "../support/scratch.ts";
import { hardTree, has, NAMES, packageFor, run } from "../support/small-packages.ts";

const hasRpm = has("rpm", "rpm2cpio", "cpio");

/** rpm over an empty database, where nothing that a package needs is installed. */
async function emptyRoot(): Promise<{ readonly root: string; readonly rpm: (...args: readonly string[]) => string }> {
  const root = await scratchFolder();
  const rpm = (...args: readonly string[]): string => run("rpm", ["--root", root, "--dbpath", "/var/lib/rpm", ...args]);
  await mkdir(join(root, "var/lib/rpm"), { recursive: true });
  rpm("--initdb");
  return { root, rpm };
}

test.skipIf(!hasRpm).each(["best", "fast"] as const)(
  "rpm finds every digest right and gives back the tree of a package that is compressed %s",
  { timeout: 120_000 },
  async (compression) => {
    const { path, root } = await packageFor("rpm", { compression, ...hardTree(compression === "best" ? 300 : 3000) });
    expect(run("rpm", ["--checksig", "--verbose", path])).toContain("Payload SHA256 digest: OK");
    const to = await scratchFolder();
    // rpm2cpio is a program of rpm's own, cpio is GNU's.
    run("sh", ["-c", `cd "$1" && rpm2cpio "$2" | cpio --quiet -idm`, "sh", to, path]);
    expect((await digestPath(join(to, "usr/lib/plain-notes"))).sha256).toBe((await digestPath(root)).sha256);
    const listing = run("rpm", ["--query", "--package", "--list", "--verbose", path]);
    expect(
      listing.split("\n").filter((line) => line !== "" && !/^[dl-]r.* root +root .* Jan +1 +2000 /.test(line)),
    ).toEqual([]);
  },
);

test.skipIf(!hasRpm)("rpm reads the tags", async () => {
  const { path } = await packageFor("rpm", {
    version: "2.0.0-beta.1",
    shell: "electrobun",
    linux: { homepage: "https://example.com/notes", email: "notes@example.com", license: "MIT" },
  });
  const told = run("rpm", ["--query", "--package", "--info", "--requires", "--provides", path]);
  expect(told.replace(/^Size .*\n/m, "")).toMatchInlineSnapshot(`
    "Name        : plain-notes
    Version     : 2.0.0~beta.1
    Release     : 1
    Architecture: x86_64
    Install Date: (not installed)
    Group       : Unspecified
    License     : MIT
    Signature   : (none)
    Source RPM  : plain-notes-2.0.0~beta.1-1.src.rpm
    Build Date  : Sat Jan  1 00:00:00 2000
    Build Host  : localhost
    Packager    : Example <notes@example.com>
    Vendor      : Example
    URL         : https://example.com/notes
    Summary     : Keeps notes, and nothing else
    Description :
    Keeps notes, and nothing else.
    /bin/sh
    libayatana-appindicator3.so.1()(64bit)
    libwebkit2gtk-4.1.so.0()(64bit)
    rpmlib(CompressedFileNames) <= 3.0.4-1
    rpmlib(FileDigests) <= 4.6.0-1
    rpmlib(PayloadFilesHavePrefix) <= 4.0-1
    rpmlib(PayloadIsZstd) <= 5.4.18-1
    plain-notes = 2.0.0~beta.1-1
    plain-notes(x86-64) = 2.0.0~beta.1-1
    "
  `);
});

test.skipIf(!hasRpm).each(NAMES)("%s is installed, verified, upgraded and erased; data stays", async (name) => {
  const [old, next] = await Promise.all([
    packageFor("rpm", { name, version: "1.0.0-rc.1" }),
    packageFor("rpm", {
      name,
      version: "1.0.0",
      parts: { "new file": "app code" },
      change: (root) => writeFile(join(root, "new file"), "new"),
    }),
  ]);
  const slug = run("rpm", ["--query", "--package", "--queryformat", "%{NAME}", old.path]);
  const { root, rpm } = await emptyRoot();
  const data = join(root, "home/user/.local/share/dev.example.notes");
  await mkdir(data, { recursive: true });
  await writeFile(join(data, "notes.db"), "precious");
  const app = join(root, "usr/lib", slug);

  rpm("--install", "--nodeps", old.path);
  expect((await digestPath(app)).sha256).toBe((await digestPath(old.root)).sha256);
  expect(rpm("--verify", "--nodeps", slug)).toBe("");
  await writeFile(join(app, "bin/start"), "tampered");
  expect(() => rpm("--verify", "--nodeps", slug)).toThrow(/S\.5.*bin\/start/);
  rpm("--upgrade", "--nodeps", next.path);
  expect((await digestPath(app)).sha256).toBe((await digestPath(next.root)).sha256);
  expect(rpm("--query", slug)).toBe(`${slug}-1.0.0-1.x86_64\n`);
  expect(() => rpm("--upgrade", "--nodeps", old.path)).toThrow("newer than");
  rpm("--erase", slug);
  expect(existsSync(app)).toBe(false);
  expect(existsSync(join(root, "usr/share/doc", slug))).toBe(false);
  expect(readFileSync(join(data, "notes.db"), "utf8")).toBe("precious");
});

test.skipIf(!hasRpm)("rpm orders versions as Semantic Versioning does", () => {
  const order = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.10.0",
  ];
  const compared = order.slice(1).map((version, at) => {
    const [a, b] = [packageVersion(order[at] ?? ""), packageVersion(version)];
    return run("rpm", ["--eval", `%{lua:print(rpm.vercmp("${a}", "${b}"))}`]).trim();
  });
  expect(compared).toEqual(order.slice(1).map(() => "-1"));
});
