/**
 * minisign signatures: Ed25519 over the file's BLAKE2b-512 (`ED`), and a
 * second one over the first and the trusted comment. Follows minisign 0.11;
 * Tauri's `.sig` is the same text in base64. The old form over the whole file
 * (`Ed`) is verified, never written.
 */
import { createHash, sign, verify } from "node:crypto";
import { open } from "node:fs/promises";
import { ErthError } from "../../runtime/base/errors.ts";
import { minisignKeyName, minisignKeyObject, type MinisignPublicKey, type MinisignSecretKey } from "./minisign-key.ts";
import { encodeMinisignText, minisignDamaged, type MinisignForm, parseMinisignText } from "./minisign-text.ts";

export interface MinisignSignature {
  /** Over the file itself, or over its BLAKE2b-512. */
  readonly isPrehashed: boolean;
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
  readonly trustedComment: string;
  /** Over `signature` and the trusted comment. */
  readonly globalSignature: Uint8Array;
}

const WHAT = "minisign signature";
const SIGNATURE_BYTES = 74;
const ED25519_BYTES = 64;
/** A file that is signed in the old way has to fit into memory. */
const MAX_LEGACY_BYTES = 512 * 1024 * 1024;

/**
 * Signs the bytes of a stream. The trusted comment is signed too: put there
 * what a client is to believe (`timestamp:1780315200\tfile:Notes.AppImage\tversion:1.4.0`).
 */
export async function signMinisign(
  content: AsyncIterable<Uint8Array>,
  key: MinisignSecretKey,
  trustedComment: string,
  form: MinisignForm,
): Promise<string> {
  const signature = sign(null, await blake2b512(content), key.privateKey);
  const globalSignature = sign(null, globalMessage(signature, trustedComment), key.privateKey);
  return encodeMinisignText(
    {
      untrustedComment: `signature by key ${minisignKeyName(key.publicKey)}`,
      value: Buffer.concat([Buffer.from("ED"), key.publicKey.keyId, signature]),
      trusted: { comment: trustedComment, value: globalSignature },
    },
    form,
  );
}

/** The trusted comment that minisign itself writes, with the version that Tauri's `requireSignedVersion` asks for. */
export function minisignComment(file: string, at: Date, version?: string): string {
  const parts = [`timestamp:${Math.floor(at.getTime() / 1000)}`, `file:${file}`];
  return [...parts, ...(version === undefined ? [] : [`version:${version}`]), "hashed"].join("\t");
}

/** Reads a signature in either form; `MINISIGN_DAMAGED` otherwise. */
export function parseMinisignSignature(text: string): MinisignSignature {
  const { value, trusted } = parseMinisignText(text, WHAT);
  const algorithm = Buffer.from(value.subarray(0, 2)).toString("latin1");
  if (value.length !== SIGNATURE_BYTES || (algorithm !== "ED" && algorithm !== "Ed")) {
    throw minisignDamaged(WHAT, `it has ${value.length} bytes, or another algorithm than ED and Ed`);
  }
  if (trusted?.value.length !== ED25519_BYTES)
    throw minisignDamaged(WHAT, "its trusted comment or second signature is missing");
  return {
    isPrehashed: algorithm === "ED",
    keyId: value.slice(2, 10),
    signature: value.slice(10),
    trustedComment: trusted.comment,
    globalSignature: trusted.value,
  };
}

/** Verifies a stream and returns the trusted comment. Throws `MINISIGN_WRONG_KEY` or `MINISIGN_REFUSED`, which name `file`. */
export async function verifyMinisign(
  content: AsyncIterable<Uint8Array>,
  signed: MinisignSignature,
  key: MinisignPublicKey,
  file: string,
): Promise<string> {
  if (Buffer.compare(signed.keyId, key.keyId) !== 0) {
    throw new ErthError({
      code: "MINISIGN_WRONG_KEY",
      message: `${file} is signed by the minisign key ${minisignKeyName(signed)}, not by ${minisignKeyName(key)}.`,
      remedy: "give the public key that belongs to the signature",
    });
  }
  const publicKey = minisignKeyObject(key);
  const message = signed.isPrehashed ? await blake2b512(content) : await collect(content, file);
  if (!verify(null, message, publicKey, signed.signature)) {
    throw refused(file, "the file was changed after it was signed, or the signature is of another file");
  }
  if (!verify(null, globalMessage(signed.signature, signed.trustedComment), publicKey, signed.globalSignature)) {
    throw refused(file, "the trusted comment was changed");
  }
  return signed.trustedComment;
}

/** A file's bytes in pieces. */
export async function* fileContent(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.alloc(1024 * 1024);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function blake2b512(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const hash = createHash("blake2b512");
  for await (const chunk of content) hash.update(chunk);
  return hash.digest();
}

async function collect(content: AsyncIterable<Uint8Array>, file: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > MAX_LEGACY_BYTES)
      throw refused(file, `it is signed in the old way, which stops at ${MAX_LEGACY_BYTES} bytes`);
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}

function globalMessage(signature: Uint8Array, trustedComment: string): Uint8Array {
  return Buffer.concat([signature, Buffer.from(trustedComment, "utf8")]);
}

function refused(file: string, why: string): ErthError {
  return new ErthError({
    code: "MINISIGN_REFUSED",
    message: `the minisign signature of ${file} is not valid: ${why}.`,
    remedy: "get the file and its signature again from the place you trust, or sign it again: erth sign",
  });
}
