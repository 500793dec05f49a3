/**
 * Signs an AppImage as `appimagetool --sign` does. Signed is the SHA-256 of
 * the whole file, as hex, with the sections `.sha256_sig` and `.sig_key` taken
 * for zeros; the first gets the armored signature, the second the armored
 * public key. `verify-appimage.ts` judges the result.
 */
import { createHash } from "node:crypto";
import { KEY_SECTION, SIGNATURE_SECTION } from "../../build/formats/appimage.ts";
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import { type ElfSection, readElf } from "../../build/formats/elf-reader.ts";
import { ErthError } from "../../runtime/base/errors.ts";
import { writeDerivedFile } from "../apple/derived-file.ts";
import type { OpenPgpKey } from "./openpgp-key.ts";
import { armorSignature, signOpenPgp } from "./openpgp.ts";

export interface SignAppImageRequest {
  /** Absolute paths, of two files. */
  readonly input: string;
  readonly output: string;
  readonly key: OpenPgpKey;
  /** The time that the signature names. */
  readonly at: Date;
}

const PIECE_BYTES = 1 << 20;

/** Writes the AppImage with its signature, in place of an earlier one. Throws `ELF_MALFORMED` and `APPIMAGE_ROOM`. */
export async function signAppImage({ input, output, key, at }: SignAppImageRequest): Promise<void> {
  const { places, digest, fileBytes } = await withFileRange(input, async (range) => {
    const { sections } = await readElf(range);
    const found = [placeOf(sections, SIGNATURE_SECTION), placeOf(sections, KEY_SECTION)] as const;
    return { places: found, digest: await digestOf(range, found), fileBytes: range.size };
  });
  const signature = armorSignature(await signOpenPgp(once(Buffer.from(digest)), key, at));
  const contents = [
    { ...places[0], text: signature },
    { ...places[1], text: key.armoredPublicKey },
  ].sort((a, b) => a.offset - b.offset);
  await writeDerivedFile(output, input, async (file) => {
    let done = 0;
    for (const { offset, size, text } of contents) {
      await file.appendSource(done, offset - done);
      await file.append(padded(text, size));
      done = offset + size;
    }
    await file.appendSource(done, fileBytes - done);
  });
}

function placeOf(sections: readonly ElfSection[], name: string): ElfSection {
  const place = sections.find((section) => section.name === name);
  if (place !== undefined && place.size > 0) return place;
  throw new ErthError({
    code: "APPIMAGE_ROOM",
    message: `the AppImage has no section ${name}, where its signature would go.`,
    remedy: "make it again: erth package",
  });
}

/** Hex, as it is signed. */
async function digestOf(range: ByteRange, blanks: readonly ElfSection[]): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, range.size));
  for (let at = 0; at < range.size; at += PIECE_BYTES) {
    const piece = await range.read(at, Math.min(PIECE_BYTES, range.size - at), buffer);
    const within = (offset: number): number => Math.max(0, Math.min(piece.length, offset - at));
    for (const { offset, size } of blanks) piece.fill(0, within(offset), within(offset + size));
    hash.update(piece);
  }
  return hash.digest("hex");
}

/** A text and zeros: a reader stops at the first one. */
function padded(text: string, bytes: number): Buffer {
  const section = Buffer.alloc(bytes);
  if (Buffer.byteLength(text) < bytes) {
    section.write(text, "utf8");
    return section;
  }
  throw new ErthError({
    code: "APPIMAGE_ROOM",
    message: `the OpenPGP key or its signature has ${Buffer.byteLength(text)} bytes; an AppImage has room for ${bytes - 1}.`,
    remedy: "sign with a key of its own, without user pictures and others' signatures: Ed25519 is the shortest",
  });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
