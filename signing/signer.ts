/**
 * The one interface between a signature's format and the key behind it: a
 * digest goes in, a signature comes out. The private key stays where it is:
 * in a file, a token, a keychain or a cloud.
 */

export type DigestAlgorithm = "sha256" | "sha384" | "sha512";
export type SignatureScheme = "rsa-pkcs1" | "ecdsa-der";

export interface SignRequest {
  readonly digestAlgorithm: DigestAlgorithm;
  readonly digest: Uint8Array;
  /** What is being signed, for a key service's log and for messages; it does not change the signature. */
  readonly hint: { readonly file: string; readonly kind: "macho" | "dmg" | "xar" | "pe" | "msi" | "msix" | "test" };
}

export interface SignResponse {
  readonly signature: Uint8Array;
  readonly scheme: SignatureScheme;
  /** DER certificates, leaf first, where the key's owner tells them only with the signature (72-hour leaves). */
  readonly chain?: readonly Uint8Array[];
}

export interface DigestSigner {
  /** Names the key for people: `PKCS #12 file developer-id.p12`; never a secret. */
  readonly name: string;
  /** DER certificates, leaf first; undefined where they come with each signature. */
  certificates(): Promise<readonly Uint8Array[] | undefined>;
  /** Throws an `ErthError` with a `KEY_…` code. */
  signDigest(request: SignRequest): Promise<SignResponse>;
}
