/**
 * The payload: the files that a finished sidecar carries inside its
 * executable, addons and the seed, as the one SEA asset `erth`. Written by
 * `build/sidecars/payload-file.ts`.
 *
 * Layout: u32 little endian, the length of a JSON list of files; the list;
 * then the files one after another. One asset, not many, because Node keeps
 * assets in an order that depends on the C++ library of the building machine.
 */

export interface PayloadFile {
  /** Relative path, "/" separated: `natives/libsql.node`, `seed.db`. */
  readonly name: string;
  /** From the end of the list. */
  readonly offset: number;
  readonly length: number;
  /** Hex SHA-256 of the file's bytes. */
  readonly sha256: string;
}

/** Name of the SEA asset. */
export const PAYLOAD_ASSET = "erth";

/** The bytes in front of the files. */
export function encodePayloadHeader(files: readonly PayloadFile[]): Uint8Array {
  const list = new TextEncoder().encode(JSON.stringify(files));
  const header = new Uint8Array(4 + list.length);
  new DataView(header.buffer).setUint32(0, list.length, true);
  header.set(list, 4);
  return header;
}

/** One file of a payload. */
export interface Embedded {
  readonly sha256: string;
  /** A view of the executable's own memory: read it, never write it. */
  readonly bytes: Uint8Array;
}

/** Finds one file in a payload; the build wrote it, so a damaged one is a bug or a damaged executable. */
export function findInPayload(payload: Uint8Array, name: string): Embedded | undefined {
  const listBytes = new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getUint32(0, true);
  const start = 4 + listBytes;
  const list: unknown = JSON.parse(new TextDecoder().decode(payload.subarray(4, start)));
  if (!Array.isArray(list) || !list.every(isPayloadFile)) throw new Error("the sidecar's payload has no list of files");
  const file = list.find((one) => one.name === name);
  if (file === undefined) return undefined;
  const end = start + file.offset + file.length;
  if (end > payload.byteLength) throw new Error(`the sidecar's payload is cut short: ${name} ends at ${end}`);
  return { sha256: file.sha256, bytes: payload.subarray(start + file.offset, end) };
}

function isPayloadFile(value: unknown): value is PayloadFile {
  if (typeof value !== "object" || value === null) return false;
  const { name, offset, length, sha256 } = value as Record<string, unknown>;
  return (
    typeof name === "string" &&
    typeof sha256 === "string" &&
    typeof offset === "number" &&
    typeof length === "number" &&
    Math.min(offset, length) >= 0
  );
}
