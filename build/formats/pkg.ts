/**
 * A flat package (`.pkg`) for Installer and for management tools: a XAR with a
 * Distribution over one component, whose Payload is the app in gzip and cpio,
 * whose Bom lists it, and whose Scripts run before and after it. Signing
 * (`signing/apple/xar-signature.ts`) writes a new file from this one.
 *
 * Not shown here: an Installer on a Mac. The reasons to expect one to take it
 * are Apple's readers' open counterparts, and that each part has the form that
 * pkgbuild and productbuild give it.
 */
import { open, rm } from "node:fs/promises";
import { ErthError } from "../../runtime/base/errors.ts";
import { encodeBom } from "./bom.ts";
import { componentName, PKG_SCRIPTS, type PkgFacts, renderDistribution, renderPackageInfo } from "./pkg-metadata.ts";
import { type Payload, type PayloadOptions, PKG_DATE, writePayload } from "./pkg-payload.ts";
import { fileSink, type Sink } from "./sink.ts";
import { writeXar, type XarMember } from "./xar-writer.ts";
import type { PackedEntry } from "./zip-file.ts";

export interface PkgRequest extends PayloadOptions {
  readonly facts: PkgFacts;
  /** What is installed: the app's own folder first, then what is in it. */
  readonly entries: readonly PackedEntry[];
  /** The folder of scripts, `preinstall` and `postinstall` among them; empty without any. */
  readonly scripts: readonly PackedEntry[];
}

/** Writes the package to a new file. Throws `CPIO_LIMIT`, `PKG_SCRIPTS` and `FILE_CHANGED`. */
export async function writePkg(path: string, request: PkgRequest): Promise<void> {
  const { facts, entries, scripts } = request;
  const names = PKG_SCRIPTS.filter((name) => scripts.some((entry) => entry.name === name && isScript(entry)));
  if (scripts.length > 0 && names.length === 0) throw noScripts();
  // XAR's table of contents comes first and names the checksums of what follows.
  const parts = { payload: `${path}.payload`, scripts: `${path}.scripts` };
  try {
    const payload = await toFile(parts.payload, (sink) => writePayload(sink, entries, request));
    const members: XarMember[] = [{ name: "Payload", file: parts.payload }];
    if (names.length > 0) {
      const quiet = { deflate: request.deflate, signal: request.signal };
      await toFile(parts.scripts, (sink) => writePayload(sink, scripts, quiet));
      members.push({ name: "Scripts", file: parts.scripts });
    }
    const contents = { count: entries.length, installKBytes: installKBytes(payload), scripts: names };
    const text = (name: string, content: string): XarMember => ({ name, content: Buffer.from(content) });
    const component = [
      { name: "Bom", content: encodeBom(payload.bom) },
      ...members,
      text("PackageInfo", renderPackageInfo(facts, contents)),
    ];
    await toFile(path, (sink) =>
      writeXar(
        sink,
        [{ name: componentName(facts), members: component }, text("Distribution", renderDistribution(facts, contents))],
        PKG_DATE,
      ),
    );
  } finally {
    for (const part of Object.values(parts)) await rm(part, { force: true });
  }
}

function isScript(entry: PackedEntry): boolean {
  return entry.kind === "link" || (entry.kind === "file" && entry.isExecutable);
}

function installKBytes({ bom }: Payload): number {
  return Math.floor(bom.reduce((sum, { path, bytes }) => sum + (path === "." ? 0 : bytes), 0) / 1024);
}

async function toFile<Result>(path: string, write: (sink: Sink) => Promise<Result>): Promise<Result> {
  const file = await open(path, "wx");
  try {
    const result = await write(fileSink(file));
    await file.sync();
    return result;
  } finally {
    await file.close();
  }
}

function noScripts(): ErthError {
  return new ErthError({
    code: "PKG_SCRIPTS",
    message: `the package's scripts have neither an executable ${PKG_SCRIPTS.join(" nor an executable ")}.`,
    remedy: "name one of them so and make it executable, or remove package.pkg.scripts",
  });
}
