/**
 * Opens an untrusted package again: every file of its XAR against its
 * checksums, every entry of each Payload against the Bom. Gathers what is
 * wrong; content is streamed, never written.
 */
import { createHash } from "node:crypto";
import { createGunzip } from "node:zlib";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import type { BomEntry, BomKind } from "./bom.ts";
import { parseBom } from "./bom-reader.ts";
import type { ByteRange } from "./byte-range.ts";
import { cksum } from "./cksum.ts";
import { type CpioMember, readCpio } from "./cpio-reader.ts";
import { unpacked } from "./unpacked.ts";
import { readXar, type XarArchive } from "./xar.ts";
import { readXarFile } from "./xar-data.ts";

/** An entry of a Payload, as it is there. */
export interface PkgEntry {
  /** `./Notes.app/Contents`; `.` for the root. */
  readonly path: string;
  readonly kind: BomKind;
  readonly mode: number;
  readonly bytes: number;
  /** Of a file's content, hex. */
  readonly sha256?: string;
  /** Target of a link. */
  readonly link?: string;
}

export interface PkgComponent {
  /** Its folder in the package: `com.example.app.pkg`. */
  readonly name: string;
  readonly packageInfo: string;
  readonly entries: readonly PkgEntry[];
}

export interface PkgReading {
  readonly problems: readonly Problem[];
  readonly distribution: string | undefined;
  readonly components: readonly PkgComponent[];
}

const MAX_DOCUMENT_BYTES = 4 << 20;
const MAX_BOM_BYTES = 64 << 20;
const MAX_LINK_BYTES = 64 << 10;
const MAX_ENTRIES = 1 << 20;
const TYPE_MASK = 0o170000;
const TYPES: Readonly<Record<number, BomKind>> = { 0o100000: "file", 0o040000: "folder", 0o120000: "link" };

/** Reads all of a package. Throws `XAR_…` for what is no package at all; everything else is among the problems. */
export async function readPkg(range: ByteRange): Promise<PkgReading> {
  const archive = await readXar(range);
  const problems: Problem[] = [];
  const gather = async <Result>(task: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof ErthError)) throw error;
      problems.push({ code: error.code, message: error.message, remedy: error.remedy });
      return undefined;
    }
  };
  const whole = (path: string, most: number): Promise<Buffer> => readWhole(range, archive, path, most);
  const isThere = (path: string): boolean => archive.toc.files.some((file) => file.path === path);
  const distribution = isThere("Distribution")
    ? await gather(async () => (await whole("Distribution", MAX_DOCUMENT_BYTES)).toString("utf8"))
    : undefined;
  const components: PkgComponent[] = [];
  for (const name of componentNames(archive)) {
    const packageInfo = await gather(() => whole(`${name}/PackageInfo`, MAX_DOCUMENT_BYTES));
    const bom = await gather(async () => parseBom(await whole(`${name}/Bom`, MAX_BOM_BYTES)));
    const entries = await gather(() => readPayload(range, archive, `${name}/Payload`, bom, problems));
    components.push({ name, packageInfo: packageInfo?.toString("utf8") ?? "", entries: entries ?? [] });
    if (isThere(`${name}/Scripts`))
      await gather(() => Array.fromAsync(payloadEntries(range, archive, `${name}/Scripts`)));
  }
  if (components.length === 0) problems.push(problem("it installs nothing: no component has a Payload"));
  return { problems, distribution, components };
}

function componentNames({ toc }: XarArchive): readonly string[] {
  return toc.files.flatMap(({ path }) => (/^[^/]+\/Payload$/.test(path) ? [path.slice(0, -"/Payload".length)] : []));
}

async function readWhole(range: ByteRange, archive: XarArchive, path: string, most: number): Promise<Buffer> {
  const file = fileAt(archive, path);
  if ((file.data?.size ?? 0) > most) throw new ErthError(problem(`${path} has ${file.data?.size} bytes`));
  return Buffer.concat(await Array.fromAsync(readXarFile(range, archive, file)));
}

function fileAt({ toc }: XarArchive, path: string): XarArchive["toc"]["files"][number] {
  const found = toc.files.filter((file) => file.path === path);
  const [file] = found;
  if (file === undefined || found.length > 1) throw new ErthError(problem(`it has ${found.length} files ${path}`));
  return file;
}

/** The entries of a Payload; where one differs from the Bom's, a problem says so. Without a Bom that is said already. */
async function readPayload(
  range: ByteRange,
  archive: XarArchive,
  path: string,
  bom: readonly BomEntry[] | undefined,
  problems: Problem[],
): Promise<readonly PkgEntry[]> {
  const listed = new Map(bom?.map((entry) => [entry.path, entry]));
  const entries: PkgEntry[] = [];
  for await (const { entry, checksum } of payloadEntries(range, archive, path)) {
    entries.push(entry);
    if (bom === undefined) continue;
    const expected = listed.get(entry.path);
    listed.delete(entry.path);
    if (expected === undefined) problems.push(problem(`${entry.path} is in ${path}, but not in the Bom, or twice`));
    else if (entry.path !== ".") {
      const fault = difference(entry, checksum, expected);
      if (fault !== undefined) problems.push(problem(`${entry.path} ${fault}`));
    }
  }
  for (const missing of listed.keys()) problems.push(problem(`${missing} is in the Bom, but not in ${path}`));
  return entries;
}

function difference(entry: PkgEntry, checksum: number, expected: BomEntry): string | undefined {
  if (entry.kind !== expected.kind) return `is a ${entry.kind}, in the Bom a ${expected.kind}`;
  if (entry.mode !== expected.mode)
    return `has mode ${entry.mode.toString(8)}, in the Bom ${expected.mode.toString(8)}`;
  if (entry.kind === "folder") return undefined;
  if (entry.bytes !== expected.bytes) return `has ${entry.bytes} bytes, in the Bom ${expected.bytes}`;
  if (checksum !== expected.checksum) return `has checksum ${checksum}, in the Bom ${expected.checksum}`;
  return entry.link === expected.link ? undefined : `leads to ${entry.link}, in the Bom to ${expected.link}`;
}

async function* payloadEntries(
  range: ByteRange,
  archive: XarArchive,
  path: string,
): AsyncGenerator<{ readonly entry: PkgEntry; readonly checksum: number }> {
  const compressed = readXarFile(range, archive, fileAt(archive, path));
  const cpio = unpacked(compressed, createGunzip({ chunkSize: 1 << 18 }), (what, cause) => {
    return new ErthError({ ...problem(`${path} ${what}`), cause });
  });
  let count = 0;
  for await (const member of readCpio(cpio)) {
    if ((count += 1) > MAX_ENTRIES) throw new ErthError(problem(`${path} has more than ${MAX_ENTRIES} entries`));
    yield await readEntry(member);
  }
}

async function readEntry(member: CpioMember): Promise<{ readonly entry: PkgEntry; readonly checksum: number }> {
  const { path, mode, bytes } = member;
  if (path !== "." && !isInside(path)) throw new ErthError(problem(`${JSON.stringify(path)} leads out of the package`));
  const kind = TYPES[mode & TYPE_MASK];
  if (kind === undefined) throw new ErthError(problem(`${path} is neither a file, a folder nor a link`));
  const common = { path, kind, mode, bytes };
  const sum = cksum();
  if (kind === "link") {
    if (bytes > MAX_LINK_BYTES) throw new ErthError(problem(`the link ${path} has a target of ${bytes} bytes`));
    const target = Buffer.concat(await Array.fromAsync(member.read()));
    sum.update(target);
    return { entry: { ...common, link: target.toString("utf8") }, checksum: sum.value() };
  }
  const hash = createHash("sha256");
  for await (const chunk of member.read()) {
    sum.update(chunk);
    hash.update(chunk);
  }
  return { entry: kind === "file" ? { ...common, sha256: hash.digest("hex") } : common, checksum: sum.value() };
}

function isInside(path: string): boolean {
  const [first, ...names] = path.split("/");
  return first === "." && names.length > 0 && names.every((name) => name !== "" && name !== "." && name !== "..");
}

function problem(what: string): Problem {
  return { code: "PKG_DAMAGED", message: `the package is damaged: ${what}.`, remedy: "make it again: erth package" };
}
