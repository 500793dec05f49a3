/**
 * The trailer of a disk image (UDIF): 512 bytes at the file's end, big endian,
 * that begin with `koly` and say where everything is, the code signature
 * among it. Follows `UDIFFileHeader` and `DiskImageRep` of Apple's Security
 * framework, which wants the signature to fill the file between data and trailer.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import { boundedView } from "../../build/formats/bounded-view.ts";
import type { ByteRange } from "../../build/formats/byte-range.ts";

export const KOLY_BYTES = 512;
const KOLY_MAGIC = 0x6b6f6c79;
const KOLY_VERSION = 4;
const SIGNATURE_OFFSET_AT = 296;
const SIGNATURE_LENGTH_AT = 304;
const MAX_SIGNATURE_BYTES = 16 << 20;

export interface DiskImage {
  /** Where the signed bytes end: at the signature, or at the trailer without one. */
  readonly dataBytes: number;
  /** The trailer as it is in the file. */
  readonly koly: Uint8Array;
  /** The SuperBlob; undefined in an unsigned image. */
  readonly signature: Uint8Array | undefined;
}

/** Reads the trailer and the signature. Throws `DMG_DAMAGED`. */
export async function readDiskImage(range: ByteRange): Promise<DiskImage> {
  if (range.size < KOLY_BYTES) throw dmgDamaged(`it has ${range.size} bytes, fewer than its trailer`);
  const kolyOffset = range.size - KOLY_BYTES;
  const koly = await range.read(kolyOffset, KOLY_BYTES);
  const { signatureOffset, signatureBytes } = parseKoly(koly, kolyOffset);
  if (signatureOffset === 0) return { dataBytes: kolyOffset, koly, signature: undefined };
  return { dataBytes: signatureOffset, koly, signature: await range.read(signatureOffset, signatureBytes) };
}

/** Whether these last 512 bytes of a file are the trailer of a disk image. */
export function isKoly(tail: Uint8Array): boolean {
  return tail.length === KOLY_BYTES && Buffer.from(tail.subarray(0, 4)).toString("latin1") === "koly";
}

interface KolyPlaces {
  /** 0 without a signature. */
  readonly signatureOffset: number;
  readonly signatureBytes: number;
}

/** Checks a trailer that lies at `kolyOffset`. Throws `DMG_DAMAGED`. */
export function parseKoly(koly: Uint8Array, kolyOffset: number): KolyPlaces {
  const view = boundedView(koly, "big", dmgDamaged);
  if (koly.length !== KOLY_BYTES || view.u32(0, "its trailer") !== KOLY_MAGIC) {
    throw dmgDamaged('it does not end in a trailer that begins with "koly"');
  }
  const version = view.u32(4, "its trailer");
  if (version !== KOLY_VERSION) throw dmgDamaged(`its trailer has version ${version}, not ${KOLY_VERSION}`);
  const headerBytes = view.u32(8, "its trailer");
  if (headerBytes !== KOLY_BYTES) throw dmgDamaged(`its trailer says it has ${headerBytes} bytes`);
  const signatureOffset = view.u64(SIGNATURE_OFFSET_AT, "the signature's offset");
  const signatureBytes = view.u64(SIGNATURE_LENGTH_AT, "the signature's length");
  const isSigned = signatureOffset !== 0 && signatureBytes !== 0;
  if (isSigned && (signatureOffset + signatureBytes !== kolyOffset || signatureBytes > MAX_SIGNATURE_BYTES)) {
    throw dmgDamaged(
      `its signature (${signatureBytes} bytes at ${signatureOffset}) does not end at its trailer (${kolyOffset})`,
    );
  }
  const dataBytes = isSigned ? signatureOffset : kolyOffset;
  const forks: readonly (readonly [what: string, offsetAt: number])[] = [
    ["data fork", 24],
    ["resource fork", 40],
    ["property list", 216],
  ];
  for (const [what, at] of forks) {
    const offset = view.u64(at, `the ${what}'s offset`);
    const length = view.u64(at + 8, `the ${what}'s length`);
    if (length > 0 && offset + length > dataBytes) {
      throw dmgDamaged(`its ${what} (${length} bytes at ${offset}) reaches beyond its data (${dataBytes} bytes)`);
    }
  }
  return isSigned ? { signatureOffset, signatureBytes } : { signatureOffset: 0, signatureBytes: 0 };
}

/**
 * The trailer with a signature's place in it. With length 0 it is what a
 * signature seals: the length is not known before the signature is.
 */
export function kolyWithSignature(koly: Uint8Array, offset: number, length: number): Uint8Array {
  const changed = Uint8Array.from(koly);
  const view = new DataView(changed.buffer);
  view.setBigUint64(SIGNATURE_OFFSET_AT, BigInt(offset));
  view.setBigUint64(SIGNATURE_LENGTH_AT, BigInt(length));
  return changed;
}

export function dmgDamaged(what: string): ErthError {
  return new ErthError({
    code: "DMG_DAMAGED",
    message: `The disk image is damaged: ${what}.`,
    remedy: "make it again: erth package",
  });
}
