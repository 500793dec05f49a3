/**
 * Verifies detached OpenPGP signatures over content of any size: hashed once,
 * judged by digest. Nothing is shared with the code that signs. RFC 9580 §5.2.
 */
import { constants, createHash, publicDecrypt, verify } from "node:crypto";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { encodeDigestInfo } from "../keys/digest-info.ts";
import type { OpenPgpPublicKey, OpenPgpVerifier } from "./openpgp-public-key.ts";
import { type OpenPgpSignature, parseOpenPgpSignatures } from "./openpgp-signature.ts";

export interface VerifiedOpenPgp {
  /** The first user id of the key, or what names an unknown key. */
  readonly signer: string;
  /** Upper-case hex, as the signature names it. */
  readonly keyId: string;
  readonly signedAt: Date | undefined;
  /** Undefined where the key is not known: then nothing is proven. */
  readonly holds: boolean | undefined;
}

export interface OpenPgpFindings {
  readonly problems: readonly Problem[];
  readonly signatures: readonly VerifiedOpenPgp[];
}

/** Digests that a signature may be made with, by their numbers (§9.5); the rest is broken or unknown. */
const HASHES: Readonly<Record<number, "sha256" | "sha384" | "sha512">> = { 8: "sha256", 9: "sha384", 10: "sha512" };
const WEAK_HASHES: Readonly<Record<number, string>> = { 1: "MD5", 2: "SHA-1", 3: "RIPEMD-160", 11: "SHA-224" };
const BINARY = 0;
const CURVES = { p256, p384, p521 } as const;

export interface OpenPgpRequest {
  readonly content: AsyncIterable<Uint8Array>;
  /** The `.asc` or `.sig`. */
  readonly file: Uint8Array;
  readonly keys: readonly OpenPgpPublicKey[];
  /** Names the signature in messages. */
  readonly what: string;
  readonly now: Date;
}

/** Checks every signature in the file. Never throws for what is in it. */
export async function verifyOpenPgp(request: OpenPgpRequest): Promise<OpenPgpFindings> {
  const { content, what } = request;
  const problems: Problem[] = [];
  try {
    const signatures = parseOpenPgpSignatures(request.file);
    const names = new Set(signatures.flatMap(({ hashAlgorithm }) => HASHES[hashAlgorithm] ?? []));
    const hashes = new Map(Array.from(names, (name) => [name, createHash(name)]));
    for await (const piece of content) for (const hash of hashes.values()) hash.update(piece);
    const found: VerifiedOpenPgp[] = [];
    for (const signature of signatures) {
      const hash = hashes.get(HASHES[signature.hashAlgorithm] ?? "sha512")?.copy();
      const digest = hash?.update(signature.tail).digest();
      found.push(await judge(signature, digest, request, problems));
    }
    return { problems, signatures: found };
  } catch (error) {
    problems.push(problemOf(error, what));
    return { problems, signatures: [] };
  }
}

async function judge(
  signature: OpenPgpSignature,
  digest: Uint8Array | undefined,
  { keys, what, now }: OpenPgpRequest,
  problems: Problem[],
): Promise<VerifiedOpenPgp> {
  const { createdAt, expiresAt, hashAlgorithm } = signature;
  const keyId = signature.issuerKeyId ?? signature.issuerFingerprint?.slice(-16) ?? "";
  const key = keys.find((one) => keyId !== "" && one.has(keyId));
  const report = (code: string, why: string): void => void problems.push(openPgpProblem(code, `${what} ${why}`));
  const named = keyId === "" ? "no key" : `the OpenPGP key ${signature.issuerFingerprint ?? keyId}`;
  const fact = { keyId, signedAt: createdAt, signer: key?.userIds[0] ?? named };
  const name = HASHES[hashAlgorithm];
  if (name === undefined || digest === undefined) {
    const weak = WEAK_HASHES[hashAlgorithm];
    report("OPENPGP_DIGEST", weak ? `is over ${weak}, which can be forged` : `is over the digest ${hashAlgorithm}`);
    return { ...fact, holds: false };
  }
  if (key === undefined) {
    problems.push({
      code: "SIGNATURE_KEY_UNKNOWN",
      message: `${what} is by ${named}, whose public key was not given: nothing is proven.`,
      remedy: "get the signer's public key from a place you trust, then: erth verify --trust KEY.asc FILE",
    });
    return { ...fact, holds: undefined };
  }
  const before = problems.length;
  if (signature.type !== BINARY) report("OPENPGP_SIGNATURE", `is of type ${signature.type}, not over a file's bytes`);
  if (createdAt === undefined) report("OPENPGP_SIGNATURE", "does not say when it was made");
  if (expiresAt !== undefined && expiresAt < now) report("OPENPGP_EXPIRED", `ended at ${expiresAt.toISOString()}`);
  try {
    const verifier = await key.signingKey(keyId, createdAt ?? now);
    const isBegun = Buffer.compare(digest.subarray(0, 2), signature.digestStart) === 0;
    if (!isBegun || !isSignatureOf(verifier, name, digest, signature.values)) {
      report("OPENPGP_SIGNATURE", `was not made by ${named} for this file`);
    }
  } catch (error) {
    problems.push(problemOf(error, what));
  }
  return { ...fact, holds: problems.length === before };
}

function isSignatureOf(
  verifier: OpenPgpVerifier,
  name: "sha256" | "sha384" | "sha512",
  digest: Uint8Array,
  values: readonly Uint8Array[],
): boolean {
  const [first = new Uint8Array(), second] = values;
  try {
    if (verifier.kind === "rsa") {
      const size = Math.ceil((verifier.key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
      const signed = publicDecrypt({ key: verifier.key, padding: constants.RSA_PKCS1_PADDING }, padded(first, size));
      return values.length === 1 && signed.equals(encodeDigestInfo(name, digest));
    }
    if (verifier.kind === "ed25519") {
      const bytes = second === undefined ? first : Buffer.concat([padded(first, 32), padded(second, 32)]);
      return verify(null, digest, verifier.key, bytes);
    }
    const curve = CURVES[verifier.curve];
    const size = curve.Point.Fn.BYTES;
    const bytes = Buffer.concat([padded(first, size), padded(second ?? new Uint8Array(), size)]);
    return curve.verify(bytes, digest, verifier.point, { prehash: false, lowS: false });
  } catch {
    // Padding, a point or a number that cannot be: signed by another key, or changed.
    return false;
  }
}

/** A number of OpenPGP has no zeros before it; a signature has its full length. */
function padded(number: Uint8Array, bytes: number): Uint8Array {
  if (number.length > bytes) throw new RangeError(`${number.length} bytes of ${bytes}`);
  return Buffer.concat([new Uint8Array(bytes - number.length), number]);
}

function problemOf(error: unknown, what: string): Problem {
  if (!(error instanceof ErthError)) throw error;
  return { code: error.code, message: `${what}: ${error.message}`, remedy: error.remedy };
}

function openPgpProblem(code: string, what: string): Problem {
  const remedy = "get the file and its signature again from the place you trust, or sign it again: erth sign";
  return { code, message: `${what}.`, remedy };
}
