/**
 * Checks a signature over a digest with a certificate's key: what comes back
 * from a key service, a token or a file is never embedded unchecked.
 */
import { constants, createPublicKey, publicDecrypt } from "node:crypto";
import { p256, p384 } from "@noble/curves/nist.js";
import { ErthError } from "../../runtime/base/errors.ts";
import { type Certificate, certificateName, type CertificateKey } from "../cms/certificate.ts";
import { parseDer } from "../cms/der.ts";
import { readBits, sequenceOf } from "../cms/der-values.ts";
import type { DigestAlgorithm, SignatureScheme } from "../signer.ts";
import { encodeDigestInfo } from "./digest-info.ts";

export interface DigestSignature {
  readonly digestAlgorithm: DigestAlgorithm;
  readonly digest: Uint8Array;
  /** RSA PKCS #1 v1.5, or ECDSA as a DER SEQUENCE. */
  readonly signature: Uint8Array;
}

/** Whether the key made the signature; a malformed signature is just not one. */
export function isSignatureBy(key: CertificateKey, signed: DigestSignature): boolean {
  if (key.type === "rsa") return isRsaSignature(key, signed);
  if (key.type !== "ec") return false;
  // node:crypto verifies ECDSA over a message only, and a digest is all we have.
  const curve = key.bits === 384 ? p384 : p256;
  const point = readBits(sequenceOf(parseDer(key.spki), "public key")[1], "public key");
  try {
    return curve.verify(signed.signature, signed.digest, point, { prehash: false, lowS: false, format: "der" });
  } catch {
    // Bytes that are no signature at all, or a point that is not on the curve.
    return false;
  }
}

/** Throws `KEY_MISMATCH`, naming the key and the certificate, unless the certificate's key made the signature. */
export function checkSignature(
  request: DigestSignature & {
    readonly keyName: string;
    readonly leaf: Certificate;
    readonly scheme: SignatureScheme;
  },
): void {
  const { keyName, leaf, scheme } = request;
  const expected = leaf.key.type === "ec" ? "ecdsa-der" : "rsa-pkcs1";
  if (leaf.key.type !== "other" && scheme === expected && isSignatureBy(leaf.key, request)) return;
  const kind = leaf.key.type === "other" ? "another kind of" : leaf.key.type.toUpperCase();
  throw new ErthError({
    code: "KEY_MISMATCH",
    message:
      `The ${scheme} signature by ${keyName} does not fit the certificate "${certificateName(leaf)}" ` +
      `(${kind} key, serial ${leaf.serial.toString(16)}): the key belongs to another certificate.`,
    remedy: "set the certificate that was issued for this key, then type: erth doctor signing",
    facts: { key: keyName, certificate: leaf.fingerprint },
  });
}

function isRsaSignature(key: CertificateKey, { digestAlgorithm, digest, signature }: DigestSignature): boolean {
  const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: "der", type: "spki" });
  try {
    const opened = publicDecrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, signature);
    return opened.equals(encodeDigestInfo(digestAlgorithm, digest));
  } catch {
    // Wrong length or padding: made by another key.
    return false;
  }
}
