/** The property set `\x05SummaryInformation` of a Windows Installer file: [MS-OLEPS]; the properties as Windows Installer's documentation names them. */

export const SUMMARY_STREAM = "\u0005SummaryInformation";

export interface SummaryInformation {
  readonly title: string;
  readonly subject: string;
  readonly author: string;
  readonly comments: string;
  /** Platform and languages: `x64;1033`. */
  readonly template: string;
  /** The package code, in braces. */
  readonly revisionNumber: string;
  readonly createdAt: Date;
  /** The least version of Windows Installer, times 100. */
  readonly pageCount: number;
  /** 2: compressed, long file names. */
  readonly wordCount: number;
  readonly appName: string;
}

const FMTID = Buffer.from("e0859ff2f94f6810ab9108002b27b3d9", "hex");
const HEADER_BYTES = 48;
const CODE_PAGE = 65_001;
const VT_I2 = 2;
const VT_I4 = 3;
const VT_LPSTR = 30;
const VT_FILETIME = 64;
/** From 1601 to 1970, in milliseconds. */
const FILETIME_EPOCH_MS = 11_644_473_600_000;
/** 2: only for reading is recommended. */
const SECURITY = 2;

/** The stream's bytes. */
export function encodeSummaryInformation(summary: SummaryInformation): Uint8Array {
  const created = fileTime(summary.createdAt);
  const properties: readonly (readonly [id: number, value: Uint8Array])[] = [
    [1, integer(VT_I2, CODE_PAGE)],
    [2, text(summary.title)],
    [3, text(summary.subject)],
    [4, text(summary.author)],
    [5, text("Installer")],
    [6, text(summary.comments)],
    [7, text(summary.template)],
    [9, text(summary.revisionNumber)],
    [12, created],
    [13, created],
    [14, integer(VT_I4, summary.pageCount)],
    [15, integer(VT_I4, summary.wordCount)],
    [18, text(summary.appName)],
    [19, integer(VT_I4, SECURITY)],
  ];
  const table = Buffer.alloc(8 + properties.length * 8);
  let offset = table.length;
  for (const [at, [id, value]] of properties.entries()) {
    table.writeUInt32LE(id, 8 + at * 8);
    table.writeUInt32LE(offset, 12 + at * 8);
    offset += value.length;
  }
  table.writeUInt32LE(offset, 0);
  table.writeUInt32LE(properties.length, 4);

  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16LE(0xfffe, 0);
  // "Windows, version 6.2".
  header.writeUInt32LE(0x0002_0206, 4);
  header.writeUInt32LE(1, 24);
  header.set(FMTID, 28);
  header.writeUInt32LE(HEADER_BYTES, 44);
  return Buffer.concat([header, table, ...properties.map(([, value]) => value)]);
}

function integer(type: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(value, 4);
  return bytes;
}

/** Zero at its end, padded to four bytes. */
function text(value: string): Uint8Array {
  const bytes = Buffer.from(`${value}\0`);
  const property = Buffer.alloc(8 + Math.ceil(bytes.length / 4) * 4);
  property.writeUInt32LE(VT_LPSTR, 0);
  property.writeUInt32LE(bytes.length, 4);
  property.set(bytes, 8);
  return property;
}

function fileTime(date: Date): Uint8Array {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(VT_FILETIME, 0);
  bytes.writeBigUInt64LE(BigInt(date.getTime() + FILETIME_EPOCH_MS) * 10_000n, 4);
  return bytes;
}
