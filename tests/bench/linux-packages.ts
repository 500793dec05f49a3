/**
 * Our packages beside those of `dpkg-deb` and `rpmbuild`, of the same tree in
 * the same run: `node tests/bench/linux-packages.ts <app folder>`. Ours twice:
 * with nothing kept, and again after a change of one small file. Each runs in
 * a process of its own, so that its memory is its own.
 */
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { listTree } from "../../build/artifacts/digest.ts";
import { openPieces } from "../../build/artifacts/pieces.ts";
import { renderTable } from "../../build/cli/report/table.ts";
import { formatSize } from "../../build/config/size.ts";
import { readAppTree, type AppFolder } from "../../build/stages/package/app-tree.ts";
import { deb } from "../../build/stages/package/deb.ts";
import type { PackageFormat } from "../../build/stages/package/package-format.ts";
import { rpm } from "../../build/stages/package/rpm.ts";
import { tarZst } from "../../build/stages/package/tar-zst.ts";
import type { TargetContext } from "../../build/stages/stage.ts";
import { exec } from "../../build/tools/exec.ts";
import { fakeConfig, fakePlan, fakeVendor } from "../support/fake-config.ts";
import { measure, type Measured } from "./support/measure.ts";

const FORMATS: Readonly<Record<string, PackageFormat>> = { deb, rpm, "tar.zst": tarZst };

/** Writes one package of `work/app` to `work/<format>`; its pieces stay in `work`. */
async function writeOurs(work: string, format: string): Promise<void> {
  const writer = FORMATS[format];
  if (writer === undefined) throw new Error(`${format} is no package of Linux`);
  const root = join(work, "app");
  const config = fakeConfig(work);
  const [target] = fakePlan(["linux-x64"]).targets;
  const files = (await listTree(root)).filter(({ kind }) => kind === "file");
  const app: AppFolder = {
    path: root,
    facts: {
      bundleName: "app",
      identifier: config.app.identifier,
      shell: "webview",
      launch: { executable: files[0]?.path ?? "", args: [], cwd: "", env: {} },
      signedBy: null,
      parts: Object.fromEntries(files.map(({ path }) => [path, "app code"] as const)),
    },
  };
  const ctx = {
    config: { ...config, package: { ...config.package, compression: "best" } },
    target,
    vendor: fakeVendor({}),
    exec,
    signal: new AbortController().signal,
    workFolder: work,
    pieces: await openPieces(join(work, "pieces")),
    progress: () => undefined,
    log: () => undefined,
    warn: () => undefined,
    // The formats read nothing else of it.
  } as unknown as TargetContext;
  const path = join(work, format);
  rmSync(path, { force: true });
  await writer.write({ ctx, app, tree: await readAppTree(app), icons: { path: work, facts: { sizes: [] } }, path });
}

async function dpkgDeb(work: string): Promise<Measured> {
  const tree = join(work, "dpkg-tree");
  mkdirSync(join(tree, "DEBIAN"), { recursive: true });
  cpSync(join(work, "app"), join(tree, "usr/lib/notes"), { recursive: true, verbatimSymlinks: true });
  const control =
    "Package: notes\nVersion: 1\nArchitecture: amd64\nMaintainer: X <x@example.com>\nDescription: x\n x\n";
  writeFileSync(join(tree, "DEBIAN/control"), control);
  const options = ["--root-owner-group", "-Zxz", "-z9", "--threads-max=1"];
  return measure("dpkg-deb", [...options, "--build", tree, join(work, "theirs-deb")]);
}

async function rpmbuild(work: string): Promise<Measured> {
  const spec = join(work, "notes.spec");
  writeFileSync(
    spec,
    `%global __os_install_post %{nil}
%global _build_id_links none
%global _binary_payload w9.xzdio
Name: notes
Version: 1
Release: 1
Summary: x
License: MIT
AutoReqProv: no
%description
x
%install
mkdir -p %{buildroot}/usr/lib
cp -a ${join(work, "app")} %{buildroot}/usr/lib/notes
%files
/usr/lib/notes
`,
  );
  const macros = ["--define", `_topdir ${join(work, "rpmbuild")}`, "--define", "_rpmfilename theirs.rpm"];
  return measure("rpmbuild", ["-bb", "--quiet", ...macros, spec]);
}

async function main(source: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "erth-bench-packages-"));
  try {
    cpSync(source, join(work, "app"), { recursive: true, verbatimSymlinks: true });
    writeFileSync(join(work, "app/changed.txt"), "first");
    writeFileSync(join(work, "icon.png"), "<svg/>");
    const rows: string[][] = [];
    const row = (what: string, { seconds, peakBytes }: Measured, file: string): void => {
      rows.push([what, formatSize(statSync(file).size), `${seconds.toFixed(1)} s`, formatSize(peakBytes)]);
    };
    const ours = (format: string): Promise<Measured> =>
      measure(process.execPath, [import.meta.filename, "--write", work, format]);
    for (const format of Object.keys(FORMATS)) {
      row(`${format}, nothing kept of it`, await ours(format), join(work, format));
      appendFileSync(join(work, "app/changed.txt"), ` ${format}`);
      row(`${format}, one file changed`, await ours(format), join(work, format));
    }
    row("dpkg-deb -Zxz -z9", await dpkgDeb(work), join(work, "theirs-deb"));
    row("rpmbuild w9.xzdio", await rpmbuild(work), join(work, "rpmbuild/RPMS/theirs.rpm"));
    console.log(renderTable(["package", "size", "time", "memory"], rows));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === "--write") await writeOurs(rest[0] ?? "", rest[1] ?? "");
else if (mode === undefined) throw new Error("node tests/bench/linux-packages.ts <app folder>");
else await main(resolve(mode));
