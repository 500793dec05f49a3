/**
 * Writes Debian packages, deb(5): an ar archive of the format's version, a tar with
 * the control files of deb-control(5) and deb-md5sums(5), and a tar with the
 * files. No maintainer scripts: what desktops have to learn about new files,
 * their own triggers tell them.
 */
import { gzipSync } from "node:zlib";
import { ARCHIVE_TIME, type ArchiveEntry } from "./archive-entry.ts";
import { layoutAr } from "./ar.ts";
import { lengthOf, type Extent } from "./extent.ts";
import { layoutTar } from "./tar.ts";

export type DebArch = "amd64" | "arm64";

export interface DebPackage {
  /** Lower-case letters, digits, `+`, `-` and `.`. */
  readonly name: string;
  readonly version: string;
  readonly arch: DebArch;
  /** `Name <address>`. */
  readonly maintainer: string;
  /** Alternatives are joined by ` | `. */
  readonly depends: readonly string[];
  readonly section: string;
  readonly homepage: string | undefined;
  /** One line of at most 80 characters, without a full stop. */
  readonly synopsis: string;
  /** One paragraph. */
  readonly description: string;
  readonly files: readonly DebFile[];
  readonly data: DebData;
}

/** What the package installs. Paths are relative to "/". */
export interface DebFile {
  readonly entry: ArchiveEntry;
  /** Hex MD5 of a file's content. */
  readonly md5: string | undefined;
}

/** The files' tar, compressed. */
export interface DebData {
  readonly compression: "xz" | "zst";
  readonly content: readonly Extent[];
}

/** The package's bytes. */
export function layoutDeb(deb: DebPackage): readonly Extent[] {
  const { compression, content } = deb.data;
  return layoutAr(
    [
      { name: "debian-binary", content: [{ bytes: Buffer.from("2.0\n") }] },
      { name: "control.tar.gz", content: [{ bytes: controlTar(deb) }] },
      { name: `data.tar.${compression}`, content },
    ],
    ARCHIVE_TIME,
  );
}

/** deb(5) asks for every compression here that it allows for the data; gzip is in all of them and needs no tool. */
function controlTar(deb: DebPackage): Uint8Array {
  const file = (path: string, text: string): ArchiveEntry => {
    return { kind: "file", path, isExecutable: false, content: { bytes: Buffer.from(text) } };
  };
  const extents = layoutTar([file("control", renderControl(deb)), file("md5sums", renderMd5Sums(deb.files))], "./");
  // Small and in memory: every extent holds its bytes.
  return gzipSync(Buffer.concat(extents.map((extent) => ("bytes" in extent ? extent.bytes : Buffer.alloc(0)))), {
    level: 9,
  });
}

/** deb-control(5), in the order in which dpkg writes the fields. */
function renderControl(deb: DebPackage): string {
  const fields: readonly (readonly [name: string, value: string | undefined])[] = [
    ["Package", deb.name],
    ["Version", deb.version],
    ["Architecture", deb.arch],
    ["Maintainer", deb.maintainer],
    ["Installed-Size", String(installedKibibytes(deb.files))],
    ["Depends", deb.depends.length > 0 ? deb.depends.join(", ") : undefined],
    ["Section", deb.section],
    ["Priority", "optional"],
    ["Homepage", deb.homepage],
    ["Description", `${deb.synopsis}\n ${deb.description}`],
  ];
  return fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`])).join("");
}

/** Debian Policy §5.6.20: files in whole KiB, 1 KiB for anything else. */
function installedKibibytes(files: readonly DebFile[]): number {
  return files.reduce(
    (sum, { entry }) => sum + (entry.kind === "file" ? Math.ceil(lengthOf(entry.content) / 1024) : 1),
    0,
  );
}

function renderMd5Sums(files: readonly DebFile[]): string {
  return files.flatMap(({ entry, md5 }) => (md5 === undefined ? [] : [`${md5}  ${entry.path}\n`])).join("");
}
