/** A compound file with the class of an installer: what a signature is about, without tables that Windows would install. */
import { compoundFile, type Storage } from "../../../support/compound-files.ts";

const MSI_CLASS = Buffer.from("84100c0000000000c000000000000046", "hex");

/** An unsigned installer; storages and streams of every size. */
export async function smallMsi(content: Storage = {}, sectorBytes: 512 | 4096 = 512): Promise<Buffer> {
  const standard: Storage = {
    "\u0005SummaryInformation": Buffer.alloc(488, "summary"),
    "\u4840\u3f3f\u4577": Buffer.from("a table"),
    "\u4840": Buffer.alloc(90, "names begin alike"),
    empty: new Uint8Array(),
    "data.cab": Buffer.alloc(9000, "cabinet"),
    MsiPatch: { inner: Buffer.alloc(4096, "transform") },
  };
  return await compoundFile({ ...standard, ...content }, { sectorBytes, classId: MSI_CLASS });
}
