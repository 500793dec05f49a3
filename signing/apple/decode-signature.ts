/** The parts of an embedded signature, by what they are. Parsing alone: nothing here says whether it holds. */
import { type ByteRange } from "../../build/formats/byte-range.ts";
import { type CodeDirectory, parseCodeDirectory } from "./code-directory.ts";
import type { MachO } from "./mach-o.ts";
import { signatureMalformed } from "./mach-o-errors.ts";
import { blobContent, MAX_ALTERNATES, parseSuperBlob, type SignatureBlob, SLOT } from "./super-blob.ts";

/** The CodeDirectory alone takes 8 MiB for a program of 1 GiB. */
const MAX_SIGNATURE_BYTES = 64 << 20;
const HASH_TYPE_SHA256 = 2;

export interface DecodedSignature {
  readonly blobs: readonly SignatureBlob[];
  /** The length that the SuperBlob says, which is that of its index and blobs, unless something lies between them. */
  readonly length: number;
  /** Slot 0 first, then the alternates. */
  readonly directories: readonly CodeDirectory[];
  /** The one that macOS goes by: SHA-256 where there is one. */
  readonly directory: CodeDirectory;
  /** The content of the CMS wrapper; empty in an ad-hoc signature, undefined in a linker's. */
  readonly cms: Uint8Array | undefined;
  /** Whole blobs. */
  readonly requirements: Uint8Array | undefined;
  readonly entitlementsXml: Uint8Array | undefined;
  readonly entitlementsDer: Uint8Array | undefined;
}

/** Reads the signature of a slice; undefined where it has none. Throws `CODESIGN_MALFORMED`. */
export async function readSignature(slice: ByteRange, machO: MachO): Promise<DecodedSignature | undefined> {
  const { signature } = machO;
  if (signature === undefined) return undefined;
  if (signature.size > MAX_SIGNATURE_BYTES) throw signatureMalformed(`it takes ${signature.size} bytes`);
  return decodeSignature(await slice.read(signature.offset, signature.size));
}

/** Decodes a SuperBlob and the CodeDirectories in it. Throws `CODESIGN_MALFORMED`. */
export function decodeSignature(bytes: Uint8Array): DecodedSignature {
  const blobs = parseSuperBlob(bytes);
  const blobOf = (slot: number): Uint8Array | undefined => blobs.find((blob) => blob.slot === slot)?.bytes;
  const first = blobOf(SLOT.codeDirectory);
  if (first === undefined) throw signatureMalformed("it has no CodeDirectory");
  const isAlternate = ({ slot }: SignatureBlob): boolean =>
    slot >= SLOT.alternateCodeDirectory && slot < SLOT.alternateCodeDirectory + MAX_ALTERNATES;
  const directories = [first, ...blobs.filter(isAlternate).map((blob) => blob.bytes)].map(parseCodeDirectory);
  const directory = directories.find(({ hashType }) => hashType === HASH_TYPE_SHA256) ?? directories[0];
  if (directory === undefined) throw signatureMalformed("it has no CodeDirectory");
  const cms = blobOf(SLOT.cms);
  return {
    blobs,
    length: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(4),
    directories,
    directory,
    cms: cms && blobContent(cms),
    requirements: blobOf(SLOT.requirements),
    entitlementsXml: blobOf(SLOT.entitlements),
    entitlementsDer: blobOf(SLOT.entitlementsDer),
  };
}
