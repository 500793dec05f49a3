/**
 * Opens an untrusted package again: every file of its XAR against its
 * checksums, every entry of each Payload against the Bom. Gathers what is
 * wrong; content is streamed, and goes nowhere unless somebody takes it.
 */
import type { FileHandle } from "node:fs/promises";
import { createHash } from "node:crypto";
import { createGunzip } from "node:zlib";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import type { BomEntry, BomKind } from "./bom.ts";
import { parseBom } from "./bom-reader.ts";
import type { ByteRange } from "./byte-range.ts";
import { cksum } from "./cksum.ts";
import { type CpioMember, readCpio } from "./cpio-reader.ts";
import { LIMITS, mostBytes, type UnpackLimits } from "./unpack-limits.ts";
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
  /** Its folder in the package: `com.example.app.pkg`; "" in a package of one component. */
  readonly name: string;
  readonly packageInfo: string;
  /** "other" is not looked into: Apple has compressions of its own. */
  readonly form: "cpio" | "other";
  readonly entries: readonly PkgEntry[];
}

/** Who gets what is in the Payloads; paths are the component's name and the entry's own. */
export interface PkgTaker {
  folder(path: string): Promise<void>;
  /** Where the content goes, undefined for nowhere. */
  file(path: string, mode: number): Promise<FileHandle | undefined>;
  link(path: string, target: string): Promise<void>;
}

export interface ReadPkgOptions {
  readonly limits?: UnpackLimits;
  readonly taker?: PkgTaker | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PkgReading {
  readonly problems: readonly Problem[];
  readonly distribution: string | undefined;
  readonly components: readonly PkgComponent[];
}

const MAX_DOCUMENT_BYTES = 4 << 20;
const MAX_BOM_BYTES = 64 << 20;
const MAX_LINK_BYTES = 64 << 10;
const TYPE_MASK = 0o170000;
const TYPES: Readonly<Record<number, BomKind>> = { 0o100000: "file", 0o040000: "folder", 0o120000: "link" };

/** What the reading of one package shares. */
interface Work {
  readonly range: ByteRange;
  readonly archive: XarArchive;
  readonly options: ReadPkgOptions;
  /** How much all Payloads may still unpack to. */
  readonly left: { entries: number; bytes: number };
  readonly problems: Problem[];
}

/** Reads all of a package. Throws `XAR_…` for what is no package at all; everything else is among the problems. */
export async function readPkg(range: ByteRange, options: ReadPkgOptions = {}): Promise<PkgReading> {
  const archive = await readXar(range);
  const problems: Problem[] = [];
  const { limits = LIMITS } = options;
  const left = { entries: limits.maxEntries, bytes: mostBytes(limits, range.size) };
  const work: Work = { range, archive, options, left, problems };
  const gather = async <Result>(task: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof ErthError)) throw error;
      problems.push({ code: error.code, message: error.message, remedy: error.remedy });
      return undefined;
    }
  };
  const isThere = (path: string): boolean => archive.toc.files.some((file) => file.path === path);
  const distribution = isThere("Distribution")
    ? await gather(async () => (await readWhole(work, "Distribution", MAX_DOCUMENT_BYTES)).toString("utf8"))
    : undefined;
  const components: PkgComponent[] = [];
  for (const name of componentNames(archive)) {
    const inside = name === "" ? "" : `${name}/`;
    const packageInfo = await gather(() => readWhole(work, `${inside}PackageInfo`, MAX_DOCUMENT_BYTES));
    const isCpio = await gather(() => isGzip(work, `${inside}Payload`));
    const common = { name, packageInfo: packageInfo?.toString("utf8") ?? "" };
    if (isCpio === false) {
      components.push({ ...common, form: "other", entries: [] });
      continue;
    }
    const bom = await gather(async () => parseBom(await readWhole(work, `${inside}Bom`, MAX_BOM_BYTES)));
    const entries = await gather(() => readPayload(work, inside, bom));
    components.push({ ...common, form: "cpio", entries: entries ?? [] });
    if (isThere(`${inside}Scripts`))
      await gather(() => Array.fromAsync(payloadEntries(work, `${inside}Scripts`, undefined)));
  }
  if (components.length === 0) problems.push(problem("it installs nothing: no component has a Payload"));
  return { problems, distribution, components };
}

/** Folders with a Payload that installs, "" for the package itself. */
export function componentNames({ toc }: XarArchive): readonly string[] {
  const names = (file: string): readonly string[] =>
    toc.files.flatMap(({ path }) =>
      path === file ? [""] : path.endsWith(`/${file}`) ? [path.slice(0, -file.length - 1)] : [],
    );
  const informed = names("PackageInfo");
  return names("Payload").filter((name) => !name.includes("/") && informed.includes(name));
}

async function isGzip({ range, archive }: Work, path: string): Promise<boolean> {
  for await (const chunk of readXarFile(range, archive, fileAt(archive, path))) {
    return chunk[0] === 0x1f && chunk[1] === 0x8b;
  }
  return false;
}

async function readWhole({ range, archive }: Work, path: string, most: number): Promise<Buffer> {
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
  work: Work,
  inside: string,
  bom: readonly BomEntry[] | undefined,
): Promise<readonly PkgEntry[]> {
  const { problems } = work;
  const path = `${inside}Payload`;
  const listed = new Map(bom?.map((entry) => [entry.path, entry]));
  const entries: PkgEntry[] = [];
  for await (const { entry, checksum } of payloadEntries(work, path, inside)) {
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

/** The entries of a Payload, or of Scripts; nobody takes those without `inside`. */
async function* payloadEntries(
  work: Work,
  path: string,
  inside: string | undefined,
): AsyncGenerator<{ readonly entry: PkgEntry; readonly checksum: number }> {
  const { range, archive, left } = work;
  const compressed = readXarFile(range, archive, fileAt(archive, path));
  const cpio = unpacked(compressed, createGunzip({ chunkSize: 1 << 18 }), (what, cause) => {
    return new ErthError({ ...problem(`${path} ${what}`), cause });
  });
  for await (const member of readCpio(bounded(cpio, work, path))) {
    if ((left.entries -= 1) < 0) throw tooMuch(`${path} has more entries than any app`);
    yield await readEntry(member, inside, work.options.taker);
  }
}

/** Never more than may still be unpacked. */
async function* bounded(
  source: AsyncIterable<Uint8Array>,
  { left, options }: Work,
  path: string,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    options.signal?.throwIfAborted();
    if ((left.bytes -= chunk.length) < 0) throw tooMuch(`${path} unpacks to more than its size allows`);
    yield chunk;
  }
}

async function readEntry(
  member: CpioMember,
  inside: string | undefined,
  taker: PkgTaker | undefined,
): Promise<{ readonly entry: PkgEntry; readonly checksum: number }> {
  const { path, mode, bytes } = member;
  if (path !== "." && !isInside(path)) throw new ErthError(problem(`${JSON.stringify(path)} leads out of the package`));
  const kind = TYPES[mode & TYPE_MASK];
  if (kind === undefined) throw new ErthError(problem(`${path} is neither a file, a folder nor a link`));
  const common = { path, kind, mode, bytes };
  const place = inside === undefined || path === "." ? undefined : `${inside}${path.slice("./".length)}`;
  const sum = cksum();
  if (kind === "link") {
    if (bytes > MAX_LINK_BYTES) throw new ErthError(problem(`the link ${path} has a target of ${bytes} bytes`));
    const target = Buffer.concat(await Array.fromAsync(member.read()));
    sum.update(target);
    const link = target.toString("utf8");
    if (place !== undefined) await taker?.link(place, link);
    return { entry: { ...common, link }, checksum: sum.value() };
  }
  if (kind === "folder" && place !== undefined) await taker?.folder(place);
  const hash = createHash("sha256");
  const file = kind === "file" && place !== undefined ? await taker?.file(place, mode) : undefined;
  try {
    for await (const chunk of member.read()) {
      sum.update(chunk);
      hash.update(chunk);
      await file?.writeFile(chunk);
    }
  } finally {
    await file?.close();
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

function tooMuch(what: string): ErthError {
  return new ErthError({
    code: "PKG_LIMIT",
    message: `the package is not opened: ${what}.`,
    remedy: "do not install it; a package that is meant to be so is opened with larger limits",
  });
}
