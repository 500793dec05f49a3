/** Format: the app in an installer package (`.pkg`), for Installer and for management tools. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "../../../runtime/base/errors.ts";
import { type ParsedPlist, parsePlist } from "../../formats/plist-parse.ts";
import { writePkg } from "../../formats/pkg.ts";
import { PKG_SCRIPTS, type PkgFacts } from "../../formats/pkg-metadata.ts";
import { archOf } from "../../plan/target.ts";
import { MINIMUM_MACOS } from "../../shells/layout.ts";
import type { TargetContext } from "../stage.ts";
import { PKG_LIBARCHIVE, PKG_SEVEN_ZIP } from "../verify/pkg-readers.ts";
import type { AppFolder } from "./app-tree.ts";
import { DEFLATE_LEVEL } from "./compression.ts";
import { keptDeflate } from "./deflate-piece.ts";
import type { PackageFormat } from "./package-format.ts";
import { assertLinksInside } from "./packable.ts";
import { packedApp, packedFolder } from "./packed-tree.ts";
import { partLedger } from "./part-ledger.ts";
import { hasPkgbuild, writeByPkgbuild } from "./pkgbuild.ts";

/** Apple's names of processors. */
const ARCHITECTURES = { arm64: "arm64", x64: "x86_64" } as const;

export const pkgApp: PackageFormat = {
  version: 1,
  async preflight({ config }) {
    const { scripts, tool } = config.package.pkg;
    const problems: Problem[] = [];
    if (tool === "pkgbuild" && !(await hasPkgbuild())) {
      problems.push({
        code: "PKG_TOOL",
        message: `package.pkg.tool is pkgbuild, which runs on a Mac with its developer tools; this is ${process.platform}.`,
        remedy: "remove package.pkg.tool: erth writes the package itself, on any host",
      });
    }
    if (scripts !== undefined) problems.push(...(await scriptProblems(scripts)));
    return problems;
  },
  reads({ config, target }) {
    const { name, identifier, version } = config.app;
    const { installLocation, domain, scripts, tool } = config.package.pkg;
    const { compression } = config.package;
    const values = { name, identifier, version, installLocation, domain, tool, target: target.target, compression };
    return { values: { ...values, zlib: process.versions.zlib }, files: scripts === undefined ? [] : [scripts] };
  },
  async write({ ctx, app, tree, path }) {
    assertLinksInside(tree);
    const { bundleName } = app.facts;
    const { scripts, tool } = ctx.config.package.pkg;
    const facts = await factsOf(ctx, app);
    const ledger = partLedger(tree);
    if (tool === "pkgbuild") await writeByPkgbuild({ ctx, app, facts, path });
    else {
      let done = 0;
      await writePkg(path, {
        facts,
        entries: packedApp(tree, bundleName),
        scripts: scripts === undefined ? [] : (await packedFolder(scripts)).map(asExecutable),
        deflate: keptDeflate(ctx.pieces, DEFLATE_LEVEL[ctx.config.package.compression]),
        signal: ctx.signal,
        onPacked: ({ name, offset, bytes, compressedBytes }) => {
          ledger.book(name.slice(bundleName.length + 1), offset, bytes, compressedBytes);
          done += bytes;
          ctx.progress({ label: "compressing", done, total: tree.fileBytes, unit: "bytes" });
        },
      });
    }
    return { compressedBytes: ledger.close((await stat(path)).size), containerDiskBytes: 0 };
  },
  proof: {
    readers: () => [PKG_LIBARCHIVE, PKG_SEVEN_ZIP],
    appRoot: ({ bundleName }) => bundleName,
  },
};

async function factsOf({ config, target }: TargetContext, app: AppFolder): Promise<PkgFacts> {
  const { name, identifier, version } = config.app;
  const { installLocation, domain } = config.package.pkg;
  const plist = parsePlist(await readFile(join(app.path, "Contents/Info.plist")), "the app's Info.plist");
  const text = (key: string): string | undefined => textOf(plist, key);
  const [short, full] = [text("CFBundleShortVersionString"), text("CFBundleVersion")];
  return {
    identifier,
    // A receipt's version has digits and dots only; a prerelease is told apart by the bundle's.
    version: version.split("-")[0] ?? version,
    title: name,
    bundleName: app.facts.bundleName,
    bundleVersions: {
      ...(short === undefined ? {} : { CFBundleShortVersionString: short }),
      ...(full === undefined ? {} : { CFBundleVersion: full }),
    },
    installLocation,
    domain,
    hostArchitectures: [ARCHITECTURES[archOf(target.target)]],
    minimumSystem: text("LSMinimumSystemVersion") ?? MINIMUM_MACOS,
  };
}

function textOf(plist: ParsedPlist, key: string): string | undefined {
  const value = plist instanceof Map ? (plist as ReadonlyMap<string, ParsedPlist>).get(key) : undefined;
  return typeof value === "string" ? value : undefined;
}

/** The two that Installer starts are executable, whatever the host's file system says of them. */
function asExecutable(entry: Awaited<ReturnType<typeof packedFolder>>[number]): typeof entry {
  const isStarted = entry.kind === "file" && PKG_SCRIPTS.some((name) => name === entry.name);
  return isStarted ? { ...entry, isExecutable: true } : entry;
}

/** Scripts that are not there, or that no shell would start, are found before anything is built. */
async function scriptProblems(folder: string): Promise<readonly Problem[]> {
  const entries = await packedFolder(folder);
  const scripts = entries.filter(({ kind, name }) => kind === "file" && PKG_SCRIPTS.some((script) => script === name));
  if (scripts.length === 0) {
    return [
      {
        code: "PKG_SCRIPTS",
        message: `${folder} (package.pkg.scripts) has neither a file ${PKG_SCRIPTS.join(" nor a file ")}.`,
        remedy: "name one of them so, or remove package.pkg.scripts",
      },
    ];
  }
  const problems: Problem[] = [];
  for (const { name } of scripts) {
    const head = (await readFile(join(folder, name))).subarray(0, 2).toString("latin1");
    if (head === "#!") continue;
    problems.push({
      code: "PKG_SCRIPTS",
      message: `${join(folder, name)} does not begin with #! and an interpreter, and Installer could not start it.`,
      remedy: `begin it with #!/bin/sh`,
    });
  }
  return problems;
}
