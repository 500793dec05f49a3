/** Format: the app in an app package of Windows (`.msix`), for the Store and for managed installs. */
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { ProblemsError, type Problem } from "../../../runtime/base/errors.ts";
import { identityNameRule } from "../../config/package/msix.ts";
import type { ResolvedConfig } from "../../config/resolved-config.ts";
import { renderAppxManifest } from "../../formats/appx-manifest.ts";
import { type MsixFile, writeMsix } from "../../formats/msix.ts";
import { msixNameFaults } from "../../formats/msix-names.ts";
import { fileSink } from "../../formats/sink.ts";
import { MSIX_LOGO_SIZES } from "../icons.ts";
import { MSIX_UNZIP, MSIX_SEVEN_ZIP, isMsixExtra } from "../verify/msix-readers.ts";
import type { AppFolder, AppTree } from "./app-tree.ts";
import { DEFLATE_LEVEL } from "./compression.ts";
import { keptDeflate } from "./deflate-piece.ts";
import type { PackageFormat, PackageRequest } from "./package-format.ts";
import { partLedger } from "./part-ledger.ts";

/** The logos' names in the package. */
const LOGOS = {
  store: { path: "Assets/StoreLogo.png", size: MSIX_LOGO_SIZES.store },
  small: { path: "Assets/Square44x44Logo.png", size: MSIX_LOGO_SIZES.small },
  medium: { path: "Assets/Square150x150Logo.png", size: MSIX_LOGO_SIZES.medium },
} as const;

export const msixApp: PackageFormat = {
  version: 1,
  preflight: ({ config }) => Promise.resolve(configProblems(config)),
  reads({ config }) {
    const { name, publisher, version, description } = config.app;
    const { compression, msix, setup } = config.package;
    const { protocols, fileTypes } = setup;
    const app = { name, publisher, version, description };
    const values = { app, compression, msix, protocols, fileTypes, zlib: process.versions.zlib };
    return { values, files: [] };
  },
  async write({ ctx, app, tree, icons, path }) {
    const files = [...appFiles(tree), ...(await logoFiles(icons.path))];
    assertNames(files, tree);
    const emptyFolders = emptyFoldersOf(tree);
    if (emptyFolders.length > 0) ctx.log(`without ${emptyFolders.join(", ")}: the package has no empty folders`);
    const version = versionOf(ctx.config);
    if (version === undefined) throw new Error("a prerelease got past the preflight");
    if (version.startsWith("0.")) ctx.log("the Store takes no version that begins with 0");
    if (!version.endsWith(".0")) ctx.log("the Store takes no version whose last number is not 0");
    const ledger = partLedger(tree);
    let done = 0;
    const file = await open(path, "wx");
    try {
      const sink = fileSink(file);
      await writeMsix(sink, {
        files,
        manifest: manifestOf(ctx.config, app, version),
        deflate: keptDeflate(ctx.pieces, DEFLATE_LEVEL[ctx.config.package.compression]),
        signal: ctx.signal,
        onPacked: ({ name, offset, bytes, compressedBytes }) => {
          ledger.book(name, offset, bytes, compressedBytes);
          done += bytes;
          ctx.progress({
            label: "compressing",
            done: Math.min(done, tree.fileBytes),
            total: tree.fileBytes,
            unit: "bytes",
          });
        },
      });
      await file.sync();
      return { compressedBytes: ledger.close(sink.offset), containerDiskBytes: 0 };
    } finally {
      await file.close();
    }
  },
  proof: {
    readers: () => [MSIX_UNZIP, MSIX_SEVEN_ZIP],
    appRoot: () => "",
    isExtra: isMsixExtra,
  },
};

function appFiles({ root, entries }: AppTree): readonly MsixFile[] {
  return entries.flatMap(({ path, kind, bytes }) => (kind === "file" ? [{ path, file: join(root, path), bytes }] : []));
}

async function logoFiles(iconFolder: PackageRequest["icons"]["path"]): Promise<readonly MsixFile[]> {
  return Promise.all(
    Object.values(LOGOS).map(async ({ path, size }) => {
      const file = join(iconFolder, `icon-${size}.png`);
      return { path, file, bytes: (await stat(file)).size };
    }),
  );
}

/** Folders that hold nothing: a zip of parts has no folders of its own. */
function emptyFoldersOf({ entries }: AppTree): readonly string[] {
  const folders = entries.flatMap(({ kind, path }) => (kind === "folder" ? [path] : []));
  return folders.filter((folder) => !entries.some(({ path }) => path.startsWith(`${folder}/`)));
}

/** Throws for what Windows or the package refuses, all at once. */
function assertNames(files: readonly MsixFile[], tree: AppTree): void {
  const problems: Problem[] = msixNameFaults(files.map(({ path }) => path)).map(({ path, reason }) => ({
    code: "MSIX_NAME",
    message: `${path} cannot be in an app package: it ${reason}.`,
    remedy: "rename or move the file, then erth package",
  }));
  for (const { path, kind, link } of tree.entries) {
    if (kind !== "link") continue;
    problems.push({
      code: "MSIX_LINK",
      message: `${path} is a link (to ${link}), and an app package has none.`,
      remedy: "copy the file in its place, then erth package",
    });
  }
  if (problems.length > 0) throw new ProblemsError(problems);
}

/** Characters that the manifest's schema allows: `ST_Protocol_2010_v2`, and `ST_FileType` without its dot. */
const [MAX_PROTOCOL, MAX_EXTENSION] = [39, 63];

function configProblems(config: ResolvedConfig): readonly Problem[] {
  const { msix, setup } = config.package;
  const { identityName } = msix;
  const problems: Problem[] = [];
  const refusal = identityNameRule(identityName);
  if (refusal !== undefined) {
    problems.push({
      code: "MSIX_IDENTITY",
      message: `${JSON.stringify(identityName)} cannot name an app package: ${refusal.reason}.`,
      remedy: 'set package: { msix: { identityName: "Example.MyApp" } }',
    });
  }
  if (versionOf(config) === undefined) {
    problems.push({
      code: "MSIX_VERSION",
      message: `${config.app.version} is a prerelease, and an app package's version is four numbers: Windows would not replace it by the release.`,
      remedy: 'set package: { msix: { version: "1.2.3.4" } }, lower than the release\'s, or leave msix out',
    });
  }
  if (config.app.name.includes("%")) {
    problems.push({
      code: "MSIX_NAME",
      message: `${JSON.stringify(config.app.name)} has a %, which an app package's manifest takes in no file's name.`,
      remedy: "leave the % out of app.name, or leave msix out",
    });
  }
  const long = [
    ...setup.protocols.filter(({ length }) => length > MAX_PROTOCOL),
    ...setup.fileTypes.flatMap(({ extension }) => (extension.length > MAX_EXTENSION ? [extension] : [])),
  ];
  for (const name of long) {
    problems.push({
      code: "MSIX_NAME",
      message: `${JSON.stringify(name)} has ${name.length} characters; an app package takes ${MAX_PROTOCOL} of a URL scheme, and ${MAX_EXTENSION} of an extension.`,
      remedy: "shorten it in package.setup, or leave msix out",
    });
  }
  return problems;
}

/** Undefined for a prerelease without a version of its own. */
function versionOf({ app, package: { msix } }: ResolvedConfig): string | undefined {
  return msix.version ?? (app.version.includes("-") ? undefined : `${app.version}.0`);
}

function manifestOf(config: ResolvedConfig, app: AppFolder, version: string): string {
  const { name, publisher, description } = config.app;
  const { msix, setup } = config.package;
  const { executable, args } = app.facts.launch;
  // Windows starts it in its own folder of libraries; every launcher of ours finds its own.
  if (args.length > 0) throw new Error("an app package starts its program without arguments");
  return renderAppxManifest({
    identityName: msix.identityName,
    publisher: msix.publisher,
    version,
    displayName: name,
    publisherDisplayName: publisher,
    description: description === "" ? name : description,
    executable,
    logos: { store: LOGOS.store.path, small: LOGOS.small.path, medium: LOGOS.medium.path },
    protocols: setup.protocols,
    // The manifest's schema takes them in lower case.
    fileTypes: setup.fileTypes.map(({ extension, description: text }) => ({
      extension: `.${extension.toLowerCase()}`,
      description: text,
    })),
  });
}
