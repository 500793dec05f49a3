/** Format: an `.msi` for managed machines, written by `formats/msi.ts`; its cabinet's folders are compressed once and kept. */
import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ErthError, ProblemsError, type Problem } from "../../../runtime/base/errors.ts";
import { sha256 } from "../../artifacts/digest.ts";
import type { Part } from "../../config/resolved-config.ts";
import { encodeCabHead } from "../../formats/cab.ts";
import type { Slice } from "../../formats/frames.ts";
import { fitsMsi, renderMsi } from "../../formats/msi.ts";
import { writeMsi } from "../../formats/msi-file.ts";
import { msiFileKey } from "../../formats/msi-names.ts";
import { sha256OfFile } from "../../artifacts/digest.ts";
import { fileNameOf } from "../../shells/bundle-name.ts";
import { MSIEXTRACT } from "../verify/container-reader.ts";
import { noBytes, type AppTree } from "./app-tree.ts";
import { cabPiece, type CabPiece } from "./cab-piece.ts";
import { DEFLATE_LEVEL } from "./compression.ts";
import type { PackageFormat, PackageRequest, PackageResult } from "./package-format.ts";
import { fileChunks } from "./packed-payload.ts";
import { windowsApp, windowsTreeProblems } from "./windows-app.ts";

/** A file below this shares a folder with others, so that a change compresses little anew. */
const OWN_FOLDER_BYTES = 1 << 20;
const MAX_SHARED_BYTES = 16 << 20;
/** `File.Sequence` is a signed 16-bit number. */
const MAX_FILES = 32_767;

export const msi: PackageFormat = {
  version: 1,
  preflight({ config }) {
    return Promise.resolve(fitsMsi(config.app.version) ? [] : [versionProblem(config.app.version)]);
  },
  reads(ctx) {
    const { protocols, fileTypes, desktopShortcut } = ctx.config.package.setup;
    const { compression } = ctx.config.package;
    const { zlib } = process.versions;
    return { values: { app: windowsApp(ctx), protocols, fileTypes, desktopShortcut, compression, zlib }, files: [] };
  },
  write: writePackage,
  proof: { readers: () => [MSIEXTRACT], appRoot: (_app, { app }) => fileNameOf(app.name, app.slug, "win32") },
};

async function writePackage(request: PackageRequest): Promise<PackageResult> {
  const { ctx, app, tree, icons, path } = request;
  const problems = [...windowsTreeProblems(tree), ...countProblems(tree)];
  if (problems.length > 0) throw new ProblemsError(problems);

  const folders = await compressFolders(request);
  const { head, cabinetBytes } = encodeCabHead(folders);
  const { desktopShortcut, protocols, fileTypes } = ctx.config.package.setup;
  const { executable, args, cwd } = app.facts.launch;
  const about = windowsApp(ctx);
  const parts = renderMsi({
    app: about,
    launch: { executable, args, cwd },
    files: gather(tree).flat(),
    folders: tree.entries.filter(({ kind }) => kind === "folder").map((entry) => entry.path),
    contentDigest: await treeDigest(tree),
    protocols,
    fileTypes,
    // Nobody is asked: only what the config wants for everybody.
    desktopShortcut: desktopShortcut === "always",
  });
  const cabinetDigest = createHash("sha256").update(head);
  for (const piece of folders) cabinetDigest.update(await sha256OfFile(piece.path));

  let fileBytes = 0;
  const file = await open(path, "wx");
  try {
    await writeMsi(
      {
        app: about,
        parts,
        icon: await readFile(join(icons.path, "icon.ico")),
        cabinet: { bytes: cabinetBytes, chunks: () => cabinetChunks(head, folders) },
        cabinetDigest: cabinetDigest.digest("hex"),
      },
      async (bytes) => {
        ctx.signal.throwIfAborted();
        fileBytes += bytes.length;
        await file.writeFile(bytes);
      },
    );
    await file.sync();
  } finally {
    await file.close();
  }
  const compressedBytes = sharesByPart(folders, tree);
  compressedBytes.container = fileBytes - Object.values(compressedBytes).reduce((sum, bytes) => sum + bytes, 0);
  // Windows keeps the package without its cabinet, to repair and to uninstall.
  return { compressedBytes, containerDiskBytes: fileBytes - cabinetBytes };
}

/** The files in the cabinet's order, by folder. */
function gather(tree: AppTree): readonly (readonly { readonly path: string; readonly bytes: number }[])[] {
  const alone: { readonly path: string; readonly bytes: number }[][] = [];
  const shared: { readonly path: string; readonly bytes: number }[][] = [];
  let room = 0;
  for (const { path, kind, bytes } of tree.entries) {
    if (kind !== "file") continue;
    if (bytes >= OWN_FOLDER_BYTES) alone.push([{ path, bytes }]);
    else {
      if (bytes > room || shared.length === 0) {
        shared.push([]);
        room = MAX_SHARED_BYTES;
      }
      shared.at(-1)?.push({ path, bytes });
      room -= bytes;
    }
  }
  return [...alone, ...shared];
}

async function compressFolders({ ctx, tree }: PackageRequest): Promise<readonly CabPiece[]> {
  let done = 0;
  const level = DEFLATE_LEVEL[ctx.config.package.compression];
  return Promise.all(
    gather(tree).map(async (files) => {
      const named = files.map((file) => ({ ...file, name: msiFileKey(file.path) }));
      const piece = await cabPiece({ files: named, root: tree.root, level, pieces: ctx.pieces, signal: ctx.signal });
      done += files.reduce((sum, { bytes }) => sum + bytes, 0);
      ctx.progress({ label: "compressing", done, total: tree.fileBytes, unit: "bytes" });
      return piece;
    }),
  );
}

async function* cabinetChunks(head: Uint8Array, folders: readonly CabPiece[]): AsyncGenerator<Uint8Array> {
  yield head;
  for (const { path, bytes } of folders) if (bytes > 0) yield* fileChunks(path, bytes);
}

/** A folder's bytes go to its files' parts by their length: MSZIP has no exact boundary between them. */
function sharesByPart(folders: readonly CabPiece[], tree: AppTree): Record<Part, number> {
  const slices = Map.groupBy(tree.slices, ({ path }) => msiFileKey(path));
  const sums = noBytes();
  for (const { files, bytes } of folders) {
    const raw = files.flatMap(({ name }): readonly Slice<Part>[] => slices.get(name) ?? []);
    const total = raw.reduce((sum, { length }) => sum + length, 0);
    for (const { part, length } of raw) sums[part] += Math.floor((bytes * length) / Math.max(1, total));
  }
  return sums;
}

/** Follows every path and every byte. */
async function treeDigest({ root, entries }: AppTree): Promise<string> {
  const lines: string[] = [];
  for (const { path, kind } of entries) {
    lines.push(`${kind} ${path} ${kind === "file" ? await sha256OfFile(join(root, path)) : ""}`);
  }
  return sha256(lines.join("\n"));
}

function versionProblem(version: string): Problem {
  return {
    code: "MSI_VERSION",
    message: `Windows Installer compares versions up to 255.255.65535, and app.version is ${version}.`,
    remedy: "take a smaller version, or leave msi out of package.formats.win32",
  };
}

function countProblems(tree: AppTree): readonly Problem[] {
  const count = tree.entries.filter(({ kind }) => kind === "file").length;
  if (count <= MAX_FILES) return [];
  return [
    new ErthError({
      code: "MSI_LIMIT",
      message: `the app has ${count} files, and a Windows Installer package holds ${MAX_FILES}.`,
      remedy: "pack them into fewer files, or leave msi out of package.formats.win32",
    }),
  ];
}
