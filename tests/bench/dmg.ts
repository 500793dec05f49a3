/**
 * What a disk image costs, beside other writers, on an app folder:
 * `node tests/bench/dmg.ts <folder.app> [variant…]`. Each variant runs in a
 * process of its own, so that its memory is its own.
 */
import { appendFileSync, cpSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { listTree } from "../../build/artifacts/digest.ts";
import { openPieces } from "../../build/artifacts/pieces.ts";
import { renderTable } from "../../build/cli/report/table.ts";
import { resolveDmg } from "../../build/config/package/dmg.ts";
import { formatSize } from "../../build/config/size.ts";
import type { AppTree } from "../../build/stages/package/app-tree.ts";
import { makeBackground } from "../../build/stages/package/dmg/background.ts";
import type { RunCodec } from "../../build/stages/package/dmg/run-piece.ts";
import { composeVolume } from "../../build/stages/package/dmg/volume.ts";
import { writeImage } from "../../build/stages/package/dmg/write-image.ts";
import { measure } from "./support/measure.ts";

const LZMA: RunCodec = { method: "lzma" };
const ZLIB: RunCodec = { method: "zlib", level: 9 };
/** In this order: the second finds what the first has kept. */
const OWN: Readonly<Record<string, RunCodec>> = {
  "erth, LZMA": LZMA,
  "erth, LZMA, a line changed": LZMA,
  "erth, zlib": ZLIB,
};
const OTHERS: Readonly<Record<string, (app: string, output: string) => readonly [string, ...string[]]>> = {
  "xorrisofs -hfsplus, not compressed": (app, output) => [
    "xorrisofs",
    "-quiet",
    "-D",
    "-l",
    "-V",
    "Lab",
    "-R",
    "-hfsplus",
    "-o",
    output,
    app,
  ],
  "7z, one solid archive": (app, output) => ["7z", "a", "-bd", "-mx=9", "-md=8m", output, app],
};

async function writeOwn(app: string, store: string, output: string, codec: RunCodec): Promise<void> {
  const entries = await listTree(app);
  const files = entries.filter(({ kind }) => kind === "file");
  const slices = files.map(({ path, bytes }) => ({ path, part: "app code" as const, offset: 0, length: bytes }));
  const tree: AppTree = { root: app, entries, slices, fileBytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  const { signal } = new AbortController();
  const pieces = await openPieces(store);
  const window = resolveDmg({}, (path) => path);
  const background = await makeBackground(window, pieces, signal);
  const volume = composeVolume({ bundleName: basename(app), tree, window, background });
  const ctx = { signal, pieces, progress: () => undefined };
  await writeImage({ ctx, volume, codec, resources: [], path: output });
  const { user, system } = process.cpuUsage();
  process.stdout.write(String((user + system) / 1e6));
}

const [first = "", ...rest] = process.argv.slice(2);
if (first === "--one") {
  const [app = "", store = "", output = "", name = ""] = rest;
  await writeOwn(app, store, output, OWN[name] ?? LZMA);
} else {
  const folder = mkdtempSync(join(tmpdir(), "erth-bench-dmg-"));
  try {
    const app = join(folder, basename(first));
    cpSync(first, app, { recursive: true, verbatimSymlinks: true });
    const rows: string[][] = [];
    for (const name of [...Object.keys(OWN), ...Object.keys(OTHERS)]) {
      if (rest.length > 0 && !rest.includes(name)) continue;
      const output = join(folder, `out-${rows.length}`);
      if (name.includes("changed")) appendFileSync(join(app, "Contents/Info.plist"), "\n");
      const other = OTHERS[name]?.(app, output);
      const [file, ...args] = other ?? [
        process.execPath,
        import.meta.filename,
        "--one",
        app,
        join(folder, "store"),
        output,
        name,
      ];
      const { seconds, peakBytes, stdout } = await measure(file, args);
      const bytes = statSync(name.startsWith("7z") ? `${output}.7z` : output).size;
      const cpu = other ? "" : Number(stdout).toFixed(1);
      rows.push([name, formatSize(bytes), seconds.toFixed(1), cpu, formatSize(peakBytes)]);
    }
    process.stdout.write(renderTable(["writer", "size", "seconds", "CPU s", "peak memory"], rows));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
