/** `DigestInfo` (RFC 8017 §9.2): what an RSA PKCS #1 v1.5 signature encrypts, and what CKM_RSA_PKCS expects. */
import { nullValue, octetString, oid, sequence } from "../cms/der.ts";
import { oids } from "../cms/oids.ts";
import type { DigestAlgorithm } from "../signer.ts";

/** DER of the algorithm's OID with NULL parameters, and the digest; SHA-1 for verifying alone. */
export function encodeDigestInfo(algorithm: DigestAlgorithm | "sha1", digest: Uint8Array): Uint8Array {
  return sequence(sequence(oid(oids[algorithm]), nullValue()), octetString(digest));
}
