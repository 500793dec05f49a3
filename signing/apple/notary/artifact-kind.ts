/**
 * What a thing to notarize or staple is, told by its bytes and not by its
 * name, and the name of the ticket that Apple will have for it.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { parsePlist } from "../../../build/formats/plist-parse.ts";
import { ErthError } from "../../../runtime/base/errors.ts";
import { type ByteRange, subRange, withFileRange } from "../../../build/formats/byte-range.ts";
import { type CodeDirectory, parseCodeDirectory } from "../code-directory.ts";
import { readFat } from "../fat.ts";
import { isMachO, readMachO } from "../mach-o.ts";
import { namingFile } from "../mach-o-errors.ts";
import { parseSuperBlob, SLOT } from "../super-blob.ts";
import { isKoly, KOLY_BYTES, readDiskImage } from "../udif.ts";
import { readXar } from "../../../build/formats/xar.ts";
import { ticketRecordName } from "./ticket.ts";

export type NotaryKind = "app" | "dmg" | "pkg" | "zip";

/** The kind. Throws `NOTARY_KIND` for anything that the notary service does not take. */
export async function kindOf(path: string): Promise<NotaryKind> {
  const facts = await stat(path);
  if (facts.isDirectory()) {
    if (path.replace(/\/+$/, "").endsWith(".app")) return "app";
    throw wrongKind(path, "a folder that is no .app");
  }
  return await withFileRange(path, async (range) => {
    const head = Buffer.from(await range.read(0, Math.min(4, range.size)));
    if (head.toString("latin1") === "xar!") return "pkg";
    if (range.size >= KOLY_BYTES && isKoly(await range.read(range.size - KOLY_BYTES, KOLY_BYTES))) return "dmg";
    if (head.toString("latin1") === "PK\u0003\u0004") return "zip";
    throw wrongKind(path, isMachO(head) ? "a bare executable" : "neither .dmg, .pkg nor .zip");
  });
}

/** `2/2/<cdhash>`; undefined for a zip, which has no ticket of its own. Throws `NOTARY_UNSIGNED` for unsigned files. */
export async function ticketNameOf(path: string, kind: NotaryKind): Promise<string | undefined> {
  return await namingFile(basename(path), async () => {
    if (kind === "zip") return undefined;
    if (kind === "pkg") return await withFileRange(path, pkgTicketName);
    if (kind === "dmg") return await withFileRange(path, dmgTicketName);
    return await withFileRange(await mainExecutable(path), machOTicketName);
  });
}

async function pkgTicketName(range: ByteRange): Promise<string> {
  const { checksum, checksumStyle, toc } = await readXar(range);
  if (toc.signatures.length === 0) throw unsigned("the package");
  return ticketRecordName(checksumStyle === "sha1" ? 1 : 2, checksum);
}

async function dmgTicketName(range: ByteRange): Promise<string> {
  const { signature } = await readDiskImage(range);
  if (signature === undefined) throw unsigned("the disk image");
  return signatureTicketName(signature);
}

/** Of a universal file's first slice: its ticket covers the others, too. */
async function machOTicketName(range: ByteRange): Promise<string> {
  const first = (await readFat(range))?.[0];
  const slice = first === undefined ? range : subRange(range, first.offset, first.size);
  const { signature } = await readMachO(slice);
  if (signature === undefined) throw unsigned("the app's main executable");
  return signatureTicketName(await slice.read(signature.offset, signature.size));
}

function signatureTicketName(signature: Uint8Array): string {
  const directories = parseSuperBlob(signature)
    .filter(({ slot }) => slot === SLOT.codeDirectory || (slot >= SLOT.alternateCodeDirectory && slot < SLOT.cms))
    .map(({ bytes }) => parseCodeDirectory(bytes));
  const best = directories.find(({ hashType }) => hashType === 2) ?? directories.find(({ hashType }) => hashType === 1);
  if (best === undefined) throw unsigned("the code");
  return nameOf(best);
}

function nameOf({ hashType, bytes }: CodeDirectory): string {
  const isSha1 = hashType === 1;
  return ticketRecordName(
    isSha1 ? 1 : 2,
    createHash(isSha1 ? "sha1" : "sha256")
      .update(bytes)
      .digest(),
  );
}

/** Path of the file that an app's `Info.plist` starts. */
export async function mainExecutable(app: string): Promise<string> {
  const plist = parsePlist(await readFile(join(app, "Contents", "Info.plist")), "Info.plist");
  const name = plist instanceof Map ? plist.get("CFBundleExecutable") : undefined;
  if (typeof name === "string" && name !== "" && name === basename(name) && name !== "..") {
    return join(app, "Contents", "MacOS", name);
  }
  throw new ErthError({
    code: "NOTARY_KIND",
    message: `${basename(app)} names no executable: its Info.plist has no usable CFBundleExecutable.`,
    remedy: "make the app again: erth build",
  });
}

function unsigned(what: string): ErthError {
  return new ErthError({
    code: "NOTARY_UNSIGNED",
    message: `${what} has no signature.`,
    remedy: "sign before you notarize: erth sign, then erth notarize",
  });
}

function wrongKind(path: string, what: string): ErthError {
  return new ErthError({
    code: "NOTARY_KIND",
    message: `${basename(path)} is ${what}; Apple notarizes .app, .dmg, .pkg and .zip, and tickets are stapled to the first three.`,
    remedy: "put a bare executable into a .zip (erth package) and notarize that",
    facts: { path },
  });
}
