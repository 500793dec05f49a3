/**
 * The signature in an AppImage: what `appimagetool --sign` writes and its
 * `validate` checks. Signed is the SHA-256 of the whole file, as hex, with the
 * sections `.sha256_sig` and `.sig_key` taken for zeros; the first holds the
 * armored signature, the second the armored public key.
 *
 * The key in the file says who signed, not whether to trust them: that takes
 * a fingerprint from elsewhere.
 */
import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { createMessage, readKey, readSignature, verify } from "openpgp";
import {
  appImageDamaged,
  KEY_SECTION,
  parseAppImage,
  sectionText,
  SIGNATURE_SECTION,
  type AppImageFacts,
  type AppImageSection,
} from "../../build/formats/appimage.ts";
import type { ByteSource } from "../../build/formats/elf-strip.ts";
import { ErthError, messageOf, type Problem } from "../../runtime/base/errors.ts";
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

/** Writes the AppImage with its signature, in place of an earlier one. Throws `APPIMAGE_DAMAGED` and `APPIMAGE_ROOM`. */
export async function signAppImage({ input, output, key, at }: SignAppImageRequest): Promise<void> {
  const { signed, digest, fileBytes } = await reading(input, async (file) => {
    const places = placesOf(parseAppImage(file.source));
    return { signed: places, digest: await digestOf(file, places), fileBytes: file.source.size };
  });
  const signature = armorSignature(await signOpenPgp(once(Buffer.from(digest)), key, at));
  const texts = new Map([
    [signed.signature, signature],
    [signed.key, key.armoredPublicKey],
  ]);
  await writeDerivedFile(output, input, async (file) => {
    let done = 0;
    for (const [{ offset, bytes }, text] of [...texts].sort(([a], [b]) => a.offset - b.offset)) {
      await file.appendSource(done, offset - done);
      await file.append(padded(text, bytes));
      done = offset + bytes;
    }
    await file.appendSource(done, fileBytes - done);
  });
}

export interface VerifyAppImageRequest {
  /** Absolute. */
  readonly file: string;
  /** Of the key that has to have signed, 40 hex digits; without it, any key will do. */
  readonly fingerprint?: string;
  readonly now?: Date;
}

export interface VerifiedAppImage {
  /** Empty where the signature holds. */
  readonly problems: readonly Problem[];
  /** Of the key in the file, upper-case hex; undefined where there is none that can be read. */
  readonly fingerprint: string | undefined;
}

const SIGN_AGAIN = "get the AppImage again from the place you trust, or sign it again: erth sign";

/** Never throws for what is in the file; only for one that cannot be read. */
export async function verifyAppImage(request: VerifyAppImageRequest): Promise<VerifiedAppImage> {
  try {
    return await reading(request.file, async (file) => {
      const places = placesOf(parseAppImage(file.source));
      const [signature, key] = [places.signature, places.key].map((place) => sectionText(file.source, place));
      if (!signature || !key) return refused("APPIMAGE_UNSIGNED", "it is not signed", "erth sign");
      return judge({ signature, key, digest: await digestOf(file, places) }, request);
    });
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    return { problems: [{ code: error.code, message: error.message, remedy: error.remedy }], fingerprint: undefined };
  }
}

interface Signed {
  readonly signature: string;
  readonly key: string;
  readonly digest: string;
}

async function judge(signed: Signed, { fingerprint, now = new Date() }: VerifyAppImageRequest) {
  let found: string | undefined;
  try {
    const key = await readKey({ armoredKey: signed.key });
    found = key.getFingerprint().toUpperCase();
    const checked = await verify({
      message: await createMessage({ text: signed.digest }),
      signature: await readSignature({ armoredSignature: signed.signature }),
      verificationKeys: key,
      date: now,
    });
    const [first] = checked.signatures;
    if (first === undefined) return refused("APPIMAGE_SIGNATURE", "its signature is empty", SIGN_AGAIN, found);
    await first.verified;
  } catch (error) {
    return refused("APPIMAGE_SIGNATURE", `its signature does not hold: ${messageOf(error)}`, SIGN_AGAIN, found);
  }
  if (fingerprint !== undefined && fingerprint.toUpperCase() !== found) {
    const what = `it is signed by the OpenPGP key ${found}, not by ${fingerprint.toUpperCase()}`;
    return refused("APPIMAGE_WRONG_KEY", what, SIGN_AGAIN, found);
  }
  return { problems: [], fingerprint: found };
}

function refused(code: string, what: string, remedy: string, fingerprint?: string): VerifiedAppImage {
  return { problems: [{ code, message: `the AppImage cannot be trusted: ${what}.`, remedy }], fingerprint };
}

interface Places {
  readonly signature: AppImageSection;
  readonly key: AppImageSection;
}

function placesOf({ sections }: AppImageFacts): Places {
  const [signature, key] = [sections.get(SIGNATURE_SECTION), sections.get(KEY_SECTION)];
  if (signature === undefined || key === undefined) throw appImageDamaged("it has no room for a signature");
  return { signature, key };
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly source: ByteSource;
}

async function reading<Result>(path: string, use: (file: OpenFile) => Promise<Result>): Promise<Result> {
  const { size } = await stat(path);
  const handle = await open(path, "r");
  try {
    const read = (offset: number, length: number): Uint8Array => {
      const bytes = Buffer.alloc(length);
      readSync(handle.fd, bytes, 0, length, offset);
      return bytes;
    };
    return await use({ handle, source: { size, read } });
  } finally {
    await handle.close();
  }
}

/** Hex, as it is signed. */
async function digestOf({ handle, source }: OpenFile, { signature, key }: Places): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(1 << 20);
  for (let at = 0; at < source.size;) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, source.size - at), at);
    if (bytesRead === 0) throw appImageDamaged("it became shorter while it was read");
    for (const { offset, bytes } of [signature, key]) {
      buffer.fill(0, clamp(offset - at, bytesRead), clamp(offset + bytes - at, bytesRead));
    }
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest("hex");
}

function clamp(at: number, end: number): number {
  return Math.max(0, Math.min(end, at));
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
