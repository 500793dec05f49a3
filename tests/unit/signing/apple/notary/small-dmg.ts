/** The smallest disk image that readers take: one raw partition, its block table in a property list, the trailer. */
import { renderPlist } from "../../../../../build/formats/plist.ts";

const SECTOR_BYTES = 512;

/** An unsigned UDIF file whose one partition is these whole sectors, uncompressed. */
export function smallDmg(partition: Uint8Array): Buffer {
  if (partition.length % SECTOR_BYTES !== 0) throw new Error("whole sectors only");
  const sectors = partition.length / SECTOR_BYTES;
  const table = blockTable(sectors);
  // renderPlist has no <data>; its text is put in afterwards.
  const plist = Buffer.from(
    renderPlist({
      "resource-fork": {
        blkx: [{ Attributes: "0x0050", Data: "@", ID: "0", Name: "whole disk (Apple_HFS : 0)" }],
        plst: [],
      },
    }).replace("<string>@</string>", `<data>${table.toString("base64")}</data>`),
  );
  const koly = Buffer.alloc(SECTOR_BYTES);
  koly.write("koly", 0, "latin1");
  koly.writeUInt32BE(4, 4);
  koly.writeUInt32BE(SECTOR_BYTES, 8);
  koly.writeUInt32BE(1, 12);
  koly.writeBigUInt64BE(BigInt(partition.length), 32);
  koly.writeUInt32BE(1, 56);
  koly.writeUInt32BE(1, 60);
  koly.writeBigUInt64BE(BigInt(partition.length), 216);
  koly.writeBigUInt64BE(BigInt(plist.length), 224);
  koly.writeUInt32BE(1, 488);
  koly.writeBigUInt64BE(BigInt(sectors), 492);
  return Buffer.concat([partition, plist, koly]);
}

/** A `mish` table: one raw run, and the terminator. */
function blockTable(sectors: number): Buffer {
  const header = Buffer.alloc(204);
  header.write("mish", 0, "latin1");
  header.writeUInt32BE(1, 4);
  header.writeBigUInt64BE(BigInt(sectors), 16);
  header.writeUInt32BE(2, 200);
  return Buffer.concat([header, run(0x00000001, 0, sectors, 0, sectors), run(0xffffffff, sectors, 0, sectors, 0)]);
}

function run(kind: number, sector: number, sectors: number, from: number, length: number): Buffer {
  const entry = Buffer.alloc(40);
  entry.writeUInt32BE(kind, 0);
  entry.writeBigUInt64BE(BigInt(sector), 8);
  entry.writeBigUInt64BE(BigInt(sectors), 16);
  entry.writeBigUInt64BE(BigInt(from * SECTOR_BYTES), 24);
  entry.writeBigUInt64BE(BigInt(length * SECTOR_BYTES), 32);
  return entry;
}
