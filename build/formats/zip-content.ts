/** The content of one entry of an untrusted `.zip`, streamed: never more than it promises, and compared with its checksum. */
import { open } from "node:fs/promises";
import { rangeOfHandle } from "./byte-range.ts";
import { readZipDataAt } from "./zip-data.ts";
import type { ZipMember } from "./zip-scan.ts";

/** Throws `ZIP_DAMAGED` at the latest behind the last byte. */
export async function* zipContent(path: string, member: ZipMember): AsyncGenerator<Uint8Array> {
  const handle = await open(path, "r");
  try {
    yield* readZipDataAt(await rangeOfHandle(path, handle), member);
  } finally {
    await handle.close();
  }
}
