/** dpkg judges our packages: reads, installs, upgrades, removes and purges them in a root of its own. */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { digestPath } from "../../build/artifacts/digest.ts";
import type { ArchiveEntry } from "../../build/formats/archive-entry.ts";
import { layoutDeb } from "../../build/formats/deb.ts";
import { readExtents, writeExtents } from "../../build/formats/extent.ts";
import { layoutTar } from "../../build/formats/tar.ts";
import { packageVersion } from "../../build/stages/package/linux-package.ts";
import { scratchFolder } from "../support/scratch.ts";
import { hardTree, has, NAMES, packageFor, run } from "../support/small-packages.ts";

const hasDpkg = has("dpkg-deb", "dpkg");

/** dpkg in an empty root, where nothing that a package needs can be installed. */
async function emptyRoot(): Promise<{ readonly root: string; readonly dpkg: (...args: readonly string[]) => string }> {
  const root = await scratchFolder();
  for (const folder of ["updates", "info", "triggers"])
    await mkdir(join(root, "var/lib/dpkg", folder), { recursive: true });
  await writeFile(join(root, "var/lib/dpkg/status"), "");
  await writeFile(join(root, "var/lib/dpkg/available"), "");
  // dpkg configures nothing in a root without a shell and ldconfig; its own log goes there too.
  const options = ["--root", root, "--force-depends", "--force-not-root", "--force-bad-path", "--log=/dev/null"];
  return { root, dpkg: (...args) => run("dpkg", [...options, ...args]) };
}

test.skipIf(!hasDpkg).each(["best", "fast"] as const)(
  "dpkg-deb gives back the tree of a package that is compressed %s",
  { timeout: 120_000 },
  async (compression) => {
    const { path, root } = await packageFor("deb", { compression, ...hardTree(compression === "best" ? 300 : 3000) });
    const to = join(await scratchFolder(), "unpacked");
    run("dpkg-deb", ["--extract", path, to]);
    expect((await digestPath(join(to, "usr/lib/plain-notes"))).sha256).toBe((await digestPath(root)).sha256);
    const listing = run("dpkg-deb", ["--contents", path]);
    expect(
      listing.split("\n").filter((line) => line !== "" && !/^[dl-]r.*root\/root .* 2000-01-01 /.test(line)),
    ).toEqual([]);
    expect(listing).toContain("-rwxr-xr-x root/root");
  },
);

test.skipIf(!hasDpkg)("dpkg reads the first zstd frame and says nothing of a second", async () => {
  const file = (path: string): ArchiveEntry => ({
    kind: "file",
    path,
    isExecutable: false,
    content: { bytes: Buffer.from("x") },
  });
  const tar = Buffer.concat(await Array.fromAsync(readExtents(layoutTar([file("one"), file("two")], "./"))));
  const listing = async (...frames: readonly Buffer[]): Promise<string> => {
    const path = join(await scratchFolder(), "x.deb");
    const content = frames.map((frame) => ({ bytes: zstdCompressSync(frame) }));
    const extents = layoutDeb({
      name: "x",
      version: "1",
      arch: "amd64",
      maintainer: "X",
      depends: [],
      section: "utils",
      homepage: undefined,
      synopsis: "x",
      description: "x",
      files: [],
      data: { compression: "zst", content },
    });
    await writeExtents(path, extents, new AbortController().signal);
    return run("dpkg-deb", ["--contents", path]);
  };
  expect(await listing(tar)).toContain("./two");
  // Not a failure: files would be missing, and nobody told. Packages therefore have one frame, or xz.
  expect(await listing(tar.subarray(0, 1536), tar.subarray(1536))).not.toContain("./two");
});

test.skipIf(!hasDpkg)("dpkg-deb reads the fields", async () => {
  const { path } = await packageFor("deb", {
    version: "2.0.0-beta.1",
    linux: { homepage: "https://example.com/notes", email: "notes@example.com", section: "editors" },
  });
  expect(run("dpkg-deb", ["--field", path])).toMatchInlineSnapshot(`
    "Package: plain-notes
    Version: 2.0.0~beta.1
    Architecture: amd64
    Maintainer: Example <notes@example.com>
    Installed-Size: 30
    Depends: libwebkitgtk-6.0-4
    Section: editors
    Priority: optional
    Homepage: https://example.com/notes
    Description: Keeps notes, and nothing else
     Plain Notes: Keeps notes, and nothing else.
    "
  `);
});

test.skipIf(!hasDpkg)("dpkg orders versions as Semantic Versioning does", async () => {
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
  for (const [at, version] of order.slice(1).entries()) {
    const pair = [packageVersion(order[at]!), packageVersion(version)] as const;
    expect(() => run("dpkg", ["--compare-versions", pair[0], "lt", pair[1]]), pair.join(" < ")).not.toThrow();
  }
});

test.skipIf(!hasDpkg).each(NAMES)("%s is installed, upgraded, removed and purged; data stays", async (name) => {
  const [old, next] = await Promise.all([
    packageFor("deb", { name, version: "1.0.0-rc.1" }),
    packageFor("deb", {
      name,
      version: "1.0.0",
      parts: { "new file": "app code" },
      change: (root) => writeFile(join(root, "new file"), "new"),
    }),
  ]);
  const slug = run("dpkg-deb", ["--field", old.path, "Package"]).trim();
  const { root, dpkg } = await emptyRoot();
  const data = join(root, "home/user/.local/share/dev.example.notes");
  await mkdir(data, { recursive: true });
  await writeFile(join(data, "notes.db"), "precious");
  const app = join(root, "usr/lib", slug);

  dpkg("--install", old.path);
  expect((await digestPath(app)).sha256).toBe((await digestPath(old.root)).sha256);
  expect(existsSync(join(root, "usr/bin", slug))).toBe(true);
  expect(dpkg("--verify", slug)).toBe("");
  dpkg("--install", next.path);
  expect((await digestPath(app)).sha256).toBe((await digestPath(next.root)).sha256);
  expect(run("dpkg-query", [`--admindir=${root}/var/lib/dpkg`, "-W", "-f=${Version} ${Status}", slug])).toBe(
    "1.0.0 install ok installed",
  );
  expect(() => dpkg("--refuse-downgrade", "--install", old.path)).not.toThrow();
  dpkg("--remove", slug);
  expect(existsSync(app)).toBe(false);
  expect(existsSync(join(root, "usr/share/applications/dev.example.notes.desktop"))).toBe(false);
  dpkg("--purge", slug);
  expect(readFileSync(join(root, "var/lib/dpkg/status"), "utf8")).not.toContain(slug);
  expect(readFileSync(join(data, "notes.db"), "utf8")).toBe("precious");
});
