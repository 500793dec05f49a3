/**
 * Writes RPM packages, format version 4 as rpm 4.14 and later write it ("Package
 * format V4" of rpm's manual):
 *
 *   lead        96 bytes that only file(1) reads
 *   signatures  a header of digests, sizes and signatures, padded to 8 bytes
 *   header      everything about the package and its files
 *   payload     a compressed cpio archive
 *
 * The header has a digest of the payload, and the signatures one of the
 * header: what is signed is the header alone.
 */
import { createHash } from "node:crypto";
import { ARCHIVE_TIME, type ArchiveEntry } from "./archive-entry.ts";
import { modeOf } from "./cpio-newc.ts";
import { lengthOf, totalLength, type Extent } from "./extent.ts";
import { encodeRpmHeader, type RpmTags, type RpmValue } from "./rpm-header.ts";
import { PGPHASHALGO_SHA256, RPMSENSE, RPMSIGTAG, RPMTAG } from "./rpm-tags.ts";

const LEAD_BYTES = 96;
const LEAD_MAGIC = 0xedabeedb;
const SIGNATURE_ALIGNMENT = 8;
const MAX_INT32 = 0xffff_ffff;
/** The oldest rpm whose features are all that a package needs. */
const RPM_VERSION = "4.14.0";
const RPMFILE_DOC = 1 << 1;

/** Architectures, with their numbers in the lead. */
const ARCHITECTURES = { x86_64: 1, aarch64: 19 } as const;
export type RpmArch = keyof typeof ARCHITECTURES;

/** Compressions of the payload, with the feature that each asks of rpm. */
const COMPRESSIONS = {
  xz: { feature: "PayloadIsXz", since: "5.2-1" },
  zstd: { feature: "PayloadIsZstd", since: "5.4.18-1" },
} as const;
export type RpmCompression = keyof typeof COMPRESSIONS;

export interface RpmPackage {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: RpmArch;
  readonly summary: string;
  readonly description: string;
  readonly license: string;
  /** Who publishes the package. */
  readonly vendor: string;
  readonly packager: string | undefined;
  readonly homepage: string | undefined;
  /** Names of what must be there: a package, a file, or `library.so.1()(64bit)`. */
  readonly requires: readonly string[];
  /** In the order of their paths' bytes, as rpm looks them up; the payload's is the same. */
  readonly files: readonly RpmFile[];
  readonly payload: RpmPayload;
}

/** What the package owns. Paths are relative to "/". */
export interface RpmFile {
  readonly entry: ArchiveEntry;
  /** Hex SHA-256 of a file's content. */
  readonly sha256: string | undefined;
}

export interface RpmPayload {
  readonly compression: RpmCompression;
  /** As the compressor took it, for display. */
  readonly level: number;
  /** Compressed. */
  readonly content: readonly Extent[];
  /** Hex SHA-256 of the compressed bytes. */
  readonly sha256: string;
  /** Hex SHA-256 of the cpio archive. */
  readonly rawSha256: string;
  readonly rawBytes: number;
}

/** The package's bytes, unsigned. */
export function layoutRpm(rpm: RpmPackage): readonly Extent[] {
  const header = encodeRpmHeader(RPMTAG.HEADERIMMUTABLE, headerTags(rpm));
  const contentBytes = header.length + totalLength(rpm.payload.content);
  const signatures: RpmTags = new Map<number, RpmValue>([
    [RPMSIGTAG.SHA256, text(createHash("sha256").update(header).digest("hex"))],
    sized(RPMSIGTAG.SIZE, RPMSIGTAG.LONGSIZE, contentBytes),
    sized(RPMSIGTAG.PAYLOADSIZE, RPMSIGTAG.LONGARCHIVESIZE, rpm.payload.rawBytes),
  ]);
  return [{ bytes: Buffer.concat([lead(rpm), encodeSignatures(signatures), header]) }, ...rpm.payload.content];
}

/** The header of signatures, padded to where the main header begins. */
export function encodeSignatures(tags: RpmTags): Buffer {
  const header = encodeRpmHeader(RPMSIGTAG.HEADERSIGNATURES, tags);
  const padding = (SIGNATURE_ALIGNMENT - (header.length % SIGNATURE_ALIGNMENT)) % SIGNATURE_ALIGNMENT;
  return Buffer.concat([header, Buffer.alloc(padding)]);
}

/** rpm's `struct rpmlead`; old readers take name and architecture from it. */
function lead({ name, version, release, arch }: RpmPackage): Buffer {
  const bytes = Buffer.alloc(LEAD_BYTES);
  bytes.writeUInt32BE(LEAD_MAGIC, 0);
  bytes.writeUInt8(3, 4); // version of the lead
  bytes.writeUInt16BE(ARCHITECTURES[arch], 8);
  bytes.write(`${name}-${version}-${release}`.slice(0, 65), 10, "latin1");
  bytes.writeUInt16BE(1, 76); // Linux
  bytes.writeUInt16BE(5, 78); // signatures in a header
  return bytes;
}

function headerTags(rpm: RpmPackage): RpmTags {
  const { name, version, release, arch, payload } = rpm;
  const evr = `${version}-${release}`;
  const isaName = `${name}(${arch === "x86_64" ? "x86-64" : "aarch-64"})`;
  const requires = requirements(rpm);
  const time = ARCHIVE_TIME.getTime() / 1000;
  return new Map<number, RpmValue>([
    [RPMTAG.HEADERI18NTABLE, { type: "strings", value: ["C"] }],
    [RPMTAG.NAME, text(name)],
    [RPMTAG.VERSION, text(version)],
    [RPMTAG.RELEASE, text(release)],
    [RPMTAG.SUMMARY, { type: "i18n", value: rpm.summary }],
    [RPMTAG.DESCRIPTION, { type: "i18n", value: rpm.description }],
    [RPMTAG.BUILDTIME, { type: "int32", value: [time] }],
    [RPMTAG.BUILDHOST, text("localhost")],
    [RPMTAG.VENDOR, text(rpm.vendor)],
    [RPMTAG.LICENSE, text(rpm.license)],
    ...(rpm.packager === undefined ? [] : [[RPMTAG.PACKAGER, text(rpm.packager)] as const]),
    [RPMTAG.GROUP, { type: "i18n", value: "Unspecified" }],
    ...(rpm.homepage === undefined ? [] : [[RPMTAG.URL, text(rpm.homepage)] as const]),
    [RPMTAG.OS, text("linux")],
    [RPMTAG.ARCH, text(arch)],
    // Without the name of a source package, rpm takes this for one.
    [RPMTAG.SOURCERPM, text(`${name}-${evr}.src.rpm`)],
    [RPMTAG.PROVIDENAME, { type: "strings", value: [name, isaName] }],
    [RPMTAG.PROVIDEFLAGS, { type: "int32", value: [RPMSENSE.EQUAL, RPMSENSE.EQUAL] }],
    [RPMTAG.PROVIDEVERSION, { type: "strings", value: [evr, evr] }],
    [RPMTAG.REQUIRENAME, { type: "strings", value: requires.map((require) => require.name) }],
    [RPMTAG.REQUIREFLAGS, { type: "int32", value: requires.map((require) => require.flags) }],
    [RPMTAG.REQUIREVERSION, { type: "strings", value: requires.map((require) => require.version) }],
    [RPMTAG.RPMVERSION, text(RPM_VERSION)],
    [RPMTAG.PAYLOADFORMAT, text("cpio")],
    [RPMTAG.PAYLOADCOMPRESSOR, text(payload.compression)],
    [RPMTAG.PAYLOADFLAGS, text(String(payload.level))],
    [RPMTAG.ENCODING, text("utf-8")],
    [RPMTAG.PAYLOADDIGEST, { type: "strings", value: [payload.sha256] }],
    [RPMTAG.PAYLOADDIGESTALGO, { type: "int32", value: [PGPHASHALGO_SHA256] }],
    [RPMTAG.PAYLOADDIGESTALT, { type: "strings", value: [payload.rawSha256] }],
    ...fileTags(rpm.files),
  ]);
}

interface Requirement {
  readonly name: string;
  readonly flags: number;
  readonly version: string;
}

function requirements({ requires, payload }: RpmPackage): readonly Requirement[] {
  const { feature, since } = COMPRESSIONS[payload.compression];
  const features = [
    ["CompressedFileNames", "3.0.4-1"],
    ["FileDigests", "4.6.0-1"],
    ["PayloadFilesHavePrefix", "4.0-1"],
    [feature, since],
  ] as const;
  return [
    ...requires.map((name) => ({ name, flags: RPMSENSE.FIND_REQUIRES, version: "" })),
    ...features.map(([name, version]) => ({
      name: `rpmlib(${name})`,
      flags: RPMSENSE.RPMLIB | RPMSENSE.LESS | RPMSENSE.EQUAL,
      version,
    })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A list for each fact about files; names are split into folder and base name, each folder kept once. */
function fileTags(files: readonly RpmFile[]): readonly (readonly [number, RpmValue])[] {
  const folders = new Map<string, number>();
  const places = files.map(({ entry }) => {
    const slash = entry.path.lastIndexOf("/") + 1;
    const folder = `/${entry.path.slice(0, slash)}`;
    const number = folders.get(folder) ?? folders.size;
    folders.set(folder, number);
    return { base: entry.path.slice(slash), folder: number };
  });
  const sizes = files.map(({ entry }) => sizeOf(entry));
  const each = (value: number): readonly number[] => files.map(() => value);
  const all = (value: string): readonly string[] => files.map(() => value);
  const int32 = (value: readonly number[]): RpmValue => ({ type: "int32", value });
  const strings = (value: readonly string[]): RpmValue => ({ type: "strings", value });
  return [
    sized(
      RPMTAG.SIZE,
      RPMTAG.LONGSIZE,
      sizes.reduce((sum, size) => sum + size, 0),
    ),
    [RPMTAG.BASENAMES, strings(places.map(({ base }) => base))],
    [RPMTAG.DIRINDEXES, int32(places.map(({ folder }) => folder))],
    [RPMTAG.DIRNAMES, strings([...folders.keys()])],
    [RPMTAG.FILESIZES, int32(sizes)],
    [RPMTAG.FILEMODES, { type: "int16", value: files.map(({ entry }) => modeOf(entry)) }],
    [RPMTAG.FILERDEVS, { type: "int16", value: each(0) }],
    [RPMTAG.FILEMTIMES, int32(each(ARCHIVE_TIME.getTime() / 1000))],
    [RPMTAG.FILEDIGESTS, strings(files.map(({ sha256 }) => sha256 ?? ""))],
    [RPMTAG.FILEDIGESTALGO, int32([PGPHASHALGO_SHA256])],
    [RPMTAG.FILELINKTOS, strings(files.map(({ entry }) => (entry.kind === "link" ? entry.target : "")))],
    [RPMTAG.FILEFLAGS, int32(files.map(({ entry }) => (isDocumentation(entry) ? RPMFILE_DOC : 0)))],
    [RPMTAG.FILEUSERNAME, strings(all("root"))],
    [RPMTAG.FILEGROUPNAME, strings(all("root"))],
    // Every property of every file is what `rpm --verify` looks at.
    [RPMTAG.FILEVERIFYFLAGS, int32(each(MAX_INT32))],
    [RPMTAG.FILEDEVICES, int32(each(1))],
    [RPMTAG.FILEINODES, int32(files.map((_, at) => at + 1))],
    [RPMTAG.FILELANGS, strings(all(""))],
  ];
}

function isDocumentation({ kind, path }: ArchiveEntry): boolean {
  return kind === "file" && path.startsWith("usr/share/doc/");
}

function sizeOf(entry: ArchiveEntry): number {
  if (entry.kind === "file") return lengthOf(entry.content);
  return entry.kind === "link" ? Buffer.byteLength(entry.target) : 0;
}

/** A size under the tag that has room for it. */
function sized(tag: number, longTag: number, bytes: number): readonly [number, RpmValue] {
  return bytes <= MAX_INT32
    ? [tag, { type: "int32", value: [bytes] }]
    : [longTag, { type: "int64", value: [BigInt(bytes)] }];
}

function text(value: string): RpmValue {
  return { type: "string", value };
}
