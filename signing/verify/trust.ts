/**
 * Whom to believe besides Apple: root certificates, OpenPGP keys and minisign
 * keys, each told by the content of the file that it comes in.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import { type Certificate, parseCertificate } from "../cms/certificate.ts";
import { type OpenPgpPublicKey, readOpenPgpPublicKeys } from "../linux/openpgp-public-key.ts";
import { type MinisignPublicKey, parseMinisignPublicKey } from "../linux/minisign-key.ts";

export interface Trust {
  readonly roots: readonly Certificate[];
  readonly openPgpKeys: readonly OpenPgpPublicKey[];
  readonly minisignKeys: readonly MinisignPublicKey[];
}

export const NO_TRUST: Trust = { roots: [], openPgpKeys: [], minisignKeys: [] };

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/** Reads one file: certificates (PEM or DER), OpenPGP public keys (armored or not), a minisign public key. Throws `USAGE_TRUST`. */
export async function parseTrust(file: Uint8Array, name: string): Promise<Trust> {
  const text = Buffer.from(file).toString("latin1").trimStart();
  try {
    if (text.startsWith("-----BEGIN PGP") || isOpenPgp(file))
      return { ...NO_TRUST, openPgpKeys: await readOpenPgpPublicKeys(file, name) };
    if (file[0] === 0x30) return { ...NO_TRUST, roots: [parseCertificate(Uint8Array.from(file))] };
    const roots = Array.from(text.matchAll(PEM_CERTIFICATE), ([, base64 = ""]) =>
      parseCertificate(Buffer.from(base64, "base64")),
    );
    if (roots.length > 0) return { ...NO_TRUST, roots };
    return { ...NO_TRUST, minisignKeys: [parseMinisignPublicKey(Buffer.from(file).toString("utf8"))] };
  } catch (cause) {
    throw new ErthError({
      code: "USAGE_TRUST",
      message: `${name} holds neither a certificate nor an OpenPGP or minisign public key that can be read.`,
      remedy: "give a root certificate in PEM, gpg --armor --export KEY, or a minisign .pub file",
      cause,
    });
  }
}

/** All of these together. */
export function joinTrust(parts: readonly Trust[]): Trust {
  return {
    roots: parts.flatMap(({ roots }) => roots),
    openPgpKeys: parts.flatMap(({ openPgpKeys }) => openPgpKeys),
    minisignKeys: parts.flatMap(({ minisignKeys }) => minisignKeys),
  };
}

/** A public-key packet in either form of header. */
function isOpenPgp([first = 0]: Uint8Array): boolean {
  return (first & 0x80) !== 0 && ((first & 0x40) === 0 ? (first >> 2) & 0x0f : first & 0x3f) === 6;
}
