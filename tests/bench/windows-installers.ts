/**
 * The Windows installers of the reference app beside those that `makensis` and
 * `wixl` alone make of the same tree: `node tests/bench/windows-installers.ts
 * [pkg|bun]`. Cold: nothing compressed is kept; warm: one line of app code has
 * changed since.
 */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listTree } from "../../build/artifacts/digest.ts";
import { renderTable } from "../../build/cli/report/table.ts";
import { formatSize } from "../../build/config/size.ts";
import { copyProject, emptyCache } from "../e2e/support/project.ts";
import { measure, type Measured } from "./support/measure.ts";

const ERTH = join(import.meta.dirname, "../../build/cli/main.ts");
const TARGET = "win32-x64";
const kind = process.argv[2] ?? "pkg";

const folder = mkdtempSync(join(tmpdir(), "erth-bench-windows-"));
const rows: string[][] = [];
const row = (what: string, { seconds, peakBytes }: Measured, bytes: number): void => {
  rows.push([what, formatSize(bytes), `${seconds.toFixed(1)} s`, formatSize(peakBytes)]);
};

try {
  const config = copyProject(join(folder, "project"));
  const text = readFileSync(config, "utf8");
  writeFileSync(config, text.replace(/kind: "pkg"|kind: "bun"/, `kind: "${kind}"`));
  const env = { ERTH_CACHE: emptyCache(join(folder, "cache")) };
  const out = join(folder, "dist");
  const erth = (...args: string[]): Promise<Measured> =>
    measure(process.execPath, [ERTH, ...args, "--config", config, "--target", TARGET, "--out", out, "--quiet"], {
      env,
    });
  const finished = (ending: string): number => {
    const version = join(out, readdirSync(out).find((name) => /^\d/.test(name)) ?? "");
    const name = readdirSync(version).find((file) => file.endsWith(ending)) ?? "";
    return statSync(join(version, name)).size;
  };

  await erth("build");
  const app = join(out, "app", TARGET);
  const tree = join(app, readdirSync(app)[0] ?? "");
  const files = (await listTree(tree)).filter((entry) => entry.kind === "file").map(({ path }) => path);

  row("erth, setup, cold", await erth("package", "--format", "setup"), finished("-setup.exe"));
  row("erth, msi, cold", await erth("package", "--format", "msi"), finished(".msi"));
  appendFileSync(join(config, "../sidecar/server.tsx"), "\nexport const changed = 1;\n");
  row("erth, setup, warm", await erth("package", "--format", "setup"), finished("-setup.exe"));
  row("erth, msi, warm", await erth("package", "--format", "msi"), finished(".msi"));

  const lab = join(folder, "lab");
  mkdirSync(lab);
  writeFileSync(
    join(lab, "plain.nsi"),
    `Unicode true\nName plain\nOutFile plain.exe\nSetCompressor /SOLID lzma\nSetCompressorDictSize 128\nInstallDir $LOCALAPPDATA\\plain\nSection\nSetOutPath $INSTDIR\nFile /r "${tree}/*"\nSectionEnd\n`,
  );
  const plain = await measure("makensis", ["-V1", "plain.nsi"], { cwd: lab, env: { LC_ALL: "C.UTF-8" } });
  row("makensis alone, solid LZMA", plain, statSync(join(lab, "plain.exe")).size);

  const xml = (name: string): string => name.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  const components = files.map((path, at) => {
    const guid = `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`;
    return `<Component Id="c${at}" Guid="${guid}" Win64="yes"><File Id="f${at}" Source="${xml(join(tree, path))}" Name="f${at}" KeyPath="yes"/></Component>`;
  });
  writeFileSync(
    join(lab, "plain.wxs"),
    `<?xml version="1.0"?><Wix xmlns="http://schemas.microsoft.com/wix/2006/wi"><Product Id="*" Name="plain" Language="1033" Version="1.0.0" Manufacturer="x" UpgradeCode="00000000-0000-4000-9000-000000000000"><Package InstallerVersion="200" Compressed="yes" Platform="x64"/><Media Id="1" Cabinet="a.cab" EmbedCab="yes"/><Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFiles64Folder"><Directory Id="D" Name="plain">${components.join("")}</Directory></Directory></Directory><Feature Id="F" Level="1">${files.map((_, at) => `<ComponentRef Id="c${at}"/>`).join("")}</Feature></Product></Wix>`,
  );
  const wixl = await measure("wixl", ["-a", "x64", "-o", "plain.msi", "plain.wxs"], { cwd: lab });
  row("wixl alone, MSZIP", wixl, statSync(join(lab, "plain.msi")).size);

  console.log(
    `sidecar ${kind}\n${renderTable(["what", "size", "time", "memory"], rows, ["left", "right", "right", "right"])}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
