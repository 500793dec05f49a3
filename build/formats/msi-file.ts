/** A Windows Installer file: the streams of a database, a cabinet, an icon and the summary, in one compound file. */
import { createHash } from "node:crypto";
import type { CompoundEntry } from "./compound-directory.ts";
import { writeCompoundFile } from "./compound-file-writer.ts";
import { streamName } from "./msi-database.ts";
import { msiCode } from "./msi-names.ts";
import { CABINET_NAME, ICON_NAME, type MsiFacts, type MsiParts } from "./msi.ts";
import { encodeSummaryInformation, SUMMARY_STREAM } from "./summary-information.ts";

export interface MsiContent {
  readonly app: MsiFacts["app"];
  readonly parts: MsiParts;
  readonly icon: Uint8Array;
  readonly cabinet: { readonly bytes: number; readonly chunks: () => AsyncIterable<Uint8Array> };
  /** Hex; follows every byte of the cabinet. */
  readonly cabinetDigest: string;
}

/** {000C1084-0000-0000-C000-000000000046}, the class of installation packages, as a GUID is stored. */
const CLASS_ID = Buffer.from("84100c0000000000c000000000000046", "hex");
/** Of packages for 64-bit processors. */
const LEAST_INSTALLER_VERSION = 200;
const COMPRESSED = 2;
/** The same bytes from the same app, whenever it is built. */
const CREATED_AT = new Date("2000-01-01T00:00:00Z");
/** What Windows itself writes. */
const SECTOR_BYTES = 4096;

/** Writes the whole file. Throws `COMPOUND_LIMIT` for one of 2 GiB. */
export async function writeMsi(content: MsiContent, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const { app, parts, icon, cabinet } = content;
  const streams = new Map<CompoundEntry, () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>>();
  const add = (name: string, bytes: Uint8Array): void => {
    streams.set(streamEntry(name, bytes.length), () => [bytes]);
  };
  for (const { name, bytes } of parts.streams) add(name, bytes);
  add(streamName(`Icon.${ICON_NAME}`), icon);
  add(
    SUMMARY_STREAM,
    encodeSummaryInformation({
      title: "Installation Database",
      subject: app.name,
      author: app.publisher,
      comments: app.description || app.name,
      template: "x64;1033",
      revisionNumber: packageCode(content),
      createdAt: CREATED_AT,
      pageCount: LEAST_INSTALLER_VERSION,
      wordCount: COMPRESSED,
      appName: "erth",
    }),
  );
  streams.set(streamEntry(streamName(CABINET_NAME), cabinet.bytes), cabinet.chunks);
  const root: CompoundEntry = {
    ...streamEntry("Root Entry", 0),
    kind: "root",
    classId: CLASS_ID,
    children: [...streams.keys()],
  };
  await writeCompoundFile(root, {
    sectorBytes: SECTOR_BYTES,
    async *content(entry) {
      yield* streams.get(entry)?.() ?? [];
    },
    write,
  });
}

/** Windows takes two files of one package code for the same file, so it follows every byte. */
function packageCode({ parts, icon, cabinetDigest }: MsiContent): string {
  const hash = createHash("sha256").update(cabinetDigest).update(icon);
  for (const { name, bytes } of parts.streams) hash.update(name).update(bytes);
  return msiCode("package", hash.digest("hex"));
}

function streamEntry(name: string, bytes: number): CompoundEntry {
  return {
    kind: "stream",
    name,
    nameBytes: Buffer.from(name, "utf16le"),
    classId: new Uint8Array(16),
    stateBits: new Uint8Array(4),
    createdAt: new Uint8Array(8),
    modifiedAt: new Uint8Array(8),
    bytes,
    children: [],
  };
}
