/** Which algorithm a leaf's key signs with. A service has to be told; the certificate knows. */
import { ErthError } from "../../runtime/base/errors.ts";
import { certificateName, parseCertificate } from "../cms/certificate.ts";
import type { DigestAlgorithm, SignatureScheme, SignRequest } from "../signer.ts";

export type KeyAlgorithm = { readonly type: "rsa" } | { readonly type: "ec"; readonly bits: 256 | 384 };

/** The algorithm of an RSA or P-256/P-384 leaf; any other key is `KEY_KIND`. */
export function algorithmOfLeaf(leaf: Uint8Array, keyName: string): KeyAlgorithm {
  const certificate = parseCertificate(leaf);
  const { type, bits } = certificate.key;
  if (type === "rsa") return { type };
  if (type === "ec" && (bits === 256 || bits === 384)) return { type, bits };
  throw new ErthError({
    code: "KEY_KIND",
    message: `the certificate "${certificateName(certificate)}" of ${keyName} has a key that is neither RSA nor ECDSA on P-256 or P-384.`,
    remedy: "get a certificate for an RSA key of 3072 bits or more, or for a P-256 key",
  });
}

/** The leaf of a configured chain; an empty chain is `KEY_NO_CERTIFICATE`. */
export function leafOf(certificates: readonly Uint8Array[], keyName: string): Uint8Array {
  const [leaf] = certificates;
  if (leaf !== undefined) return leaf;
  throw new ErthError({
    code: "KEY_NO_CERTIFICATE",
    message: `${keyName} comes without a certificate, and none is configured.`,
    remedy: "set certificate to the PEM file that your certificate authority issued for this key",
  });
}

/** The bits of a digest; a digest of the wrong length is a bug and throws `TypeError`. */
export function digestBits({ digestAlgorithm, digest }: SignRequest): 256 | 384 | 512 {
  const bits = DIGEST_BITS[digestAlgorithm];
  if (digest.length * 8 !== bits) throw new TypeError(`${digest.length} bytes are no ${digestAlgorithm} digest`);
  return bits;
}

const DIGEST_BITS = { sha256: 256, sha384: 384, sha512: 512 } as const satisfies Record<DigestAlgorithm, number>;

/** How a signature by this key is written. */
export function schemeOf(algorithm: KeyAlgorithm): SignatureScheme {
  return algorithm.type === "rsa" ? "rsa-pkcs1" : "ecdsa-der";
}

/**
 * Checks what cloud services insist on: an elliptic-curve key signs digests
 * of its own size only. `KEY_KIND` where they differ.
 */
export function checkDigestFits(algorithm: KeyAlgorithm, request: SignRequest, keyName: string): 256 | 384 | 512 {
  const bits = digestBits(request);
  if (algorithm.type === "rsa" || algorithm.bits === bits) return bits;
  throw new ErthError({
    code: "KEY_KIND",
    message: `${keyName} is a P-${algorithm.bits} key, which its service lets sign SHA-${algorithm.bits} digests only; ${request.hint.file} needs ${request.digestAlgorithm.toUpperCase().replace("SHA", "SHA-")}.`,
    remedy: "use an RSA key of 3072 bits or more, or a P-256 key",
  });
}
