/** Private keys and certificates out of PEM blocks or bare DER; OpenSSL opens the encrypted ones. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { ErthError, systemCode } from "../../runtime/base/errors.ts";
import type { Secret } from "../../runtime/base/secret.ts";
import { parseSignedData } from "../cms/parse-signed-data.ts";
import { parseDer, tags } from "../cms/der.ts";
import { isUniversal } from "../cms/der-values.ts";
import { encodePem, type PemBlock } from "./pem-blocks.ts";

export interface PemContent {
  readonly keys: readonly KeyObject[];
  /** DER, in the order of the blocks. */
  readonly certificates: readonly Uint8Array[];
}

const MISTAKEN: Readonly<Record<string, string>> = {
  "CERTIFICATE REQUEST": "a certificate request, not the certificate that was issued for it",
  "NEW CERTIFICATE REQUEST": "a certificate request, not the certificate that was issued for it",
  "PUBLIC KEY": "a public key, not the private one",
  "RSA PUBLIC KEY": "a public key, not the private one",
  "OPENSSH PRIVATE KEY": "an SSH key, which no certificate belongs to",
  "PGP PRIVATE KEY BLOCK": "an OpenPGP key, which signs packages and not programs",
};

/** Reads every block that holds a key or certificates; a block of a mistaken kind is `KEY_KIND`. */
export function readPem(blocks: readonly PemBlock[], password: Secret | undefined, name: string): PemContent {
  const keys: KeyObject[] = [];
  const certificates: Uint8Array[] = [];
  for (const block of blocks) {
    const { label } = block;
    const mistake = MISTAKEN[label];
    if (mistake !== undefined) {
      throw new ErthError({
        code: "KEY_KIND",
        message: `${name} holds ${mistake}.`,
        remedy:
          "set the .p12, or the PEM files of the private key and its certificates, then type: erth doctor signing",
      });
    }
    if (label.endsWith("PRIVATE KEY")) keys.push(readPrivateKey(block, password, name));
    else if (label === "PKCS7" || label === "CMS") certificates.push(...certificatesOf(block.der));
    else if (label === "CERTIFICATE" || label === "X509 CERTIFICATE") certificates.push(block.der);
  }
  return { keys, certificates };
}

/** A bare DER element: a private key, a certificate, or a certificate list of the PKCS #7 kind (.p7b). */
export function readDer(der: Uint8Array, password: Secret | undefined, name: string): PemContent {
  const [first, second] = parseDer(der, { ber: true, what: name }).children;
  // SignedData begins with its OID, a certificate with its body, a key with its version.
  if (isUniversal(first, tags.oid)) return { keys: [], certificates: certificatesOf(der) };
  const isEncrypted = isUniversal(first, tags.sequence) && isUniversal(second, tags.octetString);
  if (isUniversal(first, tags.sequence) && !isEncrypted) return { keys: [], certificates: [der] };
  const label = isEncrypted
    ? "ENCRYPTED PRIVATE KEY"
    : isUniversal(second, tags.sequence)
      ? "PRIVATE KEY"
      : isUniversal(second, tags.octetString)
        ? "EC PRIVATE KEY"
        : "RSA PRIVATE KEY";
  const text = encodePem(label, der);
  return { keys: [readPrivateKey({ label, der, isEncrypted: false, text }, password, name)], certificates: [] };
}

function readPrivateKey(block: PemBlock, password: Secret | undefined, name: string): KeyObject {
  const isEncrypted = block.isEncrypted || block.label === "ENCRYPTED PRIVATE KEY";
  const passphrase = password?.reveal() ?? "";
  if (isEncrypted && passphrase === "") throw passwordError(`${name} is encrypted, and no password is set.`);
  try {
    return createPrivateKey({ key: block.text, format: "pem", ...(isEncrypted ? { passphrase } : {}) });
  } catch (cause) {
    const code = systemCode(cause) ?? "";
    if (code.includes("UNSUPPORTED") || code === "ERR_OSSL_EVP_UNSUPPORTED") {
      throw new ErthError({
        code: "KEY_ENCRYPTION",
        message: `${name} is encrypted in a way that OpenSSL 3 no longer reads.`,
        remedy: "encrypt it again: openssl pkcs8 -provider legacy -provider default -topk8 -in old.pem -out new.pem",
        cause,
      });
    }
    if (isEncrypted) throw passwordError(`The password does not open ${name}.`, cause);
    throw new ErthError({
      code: "KEY_DAMAGED",
      message: `The private key in ${name} cannot be read.`,
      remedy: "export the key again, then type: erth doctor signing",
      cause,
    });
  }
}

function passwordError(message: string, cause?: unknown): ErthError {
  const remedy = "set the password that was chosen when the key was exported, then type: erth doctor signing";
  return new ErthError({ code: "KEY_PASSWORD", message, remedy, cause });
}

function certificatesOf(der: Uint8Array): readonly Uint8Array[] {
  return parseSignedData(der).certificates.map((certificate) => certificate.der);
}
