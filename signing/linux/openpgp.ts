/**
 * OpenPGP signatures for Linux: detached ones for files, packages and
 * `Release.gpg`, cleartext ones for `InRelease`. Detached signatures are our
 * own version 4 packets (RFC 9580 §5.2.3), because openpgp.js holds all of a
 * file in memory; the same key, time and bytes give the same signature.
 */
import { createHash, sign } from "node:crypto";
import { armor, createCleartextMessage, enums, sign as signMessage } from "openpgp";
import { signWithKey } from "../keys/private-key.ts";
import type { OpenPgpKey, OpenPgpSigningKey } from "./openpgp-key.ts";
import {
  encodeMpi,
  encodePacket,
  encodeSubpacket,
  OPENPGP_ALGORITHMS,
  SUBPACKETS,
  uint16,
  uint32,
} from "./openpgp-packet.ts";

/** A signature over binary data, made at this time (to the second). */
export async function signOpenPgp(content: AsyncIterable<Uint8Array>, key: OpenPgpKey, at: Date): Promise<Uint8Array> {
  const { signing } = key;
  const { hashed, unhashed } = subpackets(signing.fingerprint, at);
  // §5.2.3: version, type (binary document), key and hash algorithm, and what is hashed of the subpackets.
  const head = Buffer.concat([
    Buffer.of(4, enums.signature.binary, signing.algorithm, enums.hash.sha512),
    uint16(hashed.length),
    hashed,
  ]);
  const hash = createHash("sha512");
  for await (const chunk of content) hash.update(chunk);
  // §5.2.4: the data, the head, and a trailer with its length.
  const digest = hash.update(head).update(Buffer.of(4, 0xff)).update(uint32(head.length)).digest();
  const body = [head, uint16(unhashed.length), unhashed, digest.subarray(0, 2), ...signatureParts(signing, digest)];
  return encodePacket(enums.packet.signature, Buffer.concat(body));
}

/** The signature in ASCII armor: the content of an `.asc` file. */
export function armorSignature(signature: Uint8Array): string {
  // gpg 2.2 stumbles over armor that has neither padding nor a checksum.
  return armor(enums.armor.signature, signature, undefined, undefined, undefined, true).replaceAll("\r\n", "\n");
}

/** The text inside its signature: an apt `InRelease`. Trailing spaces of lines are not signed (§7.2). */
export async function signCleartext(text: string, key: OpenPgpKey, at: Date): Promise<string> {
  const signed = await signMessage({
    message: await createCleartextMessage({ text }),
    signingKeys: key.unlocked,
    date: at,
    // Deterministic algorithms need no salt, and the same input gives the same bytes.
    config: { nonDeterministicSignaturesViaNotation: false },
  });
  return signed.replaceAll("\r\n", "\n");
}

function subpackets(fingerprint: Uint8Array, at: Date): { readonly hashed: Uint8Array; readonly unhashed: Uint8Array } {
  const created = encodeSubpacket(SUBPACKETS.created, uint32(Math.floor(at.getTime() / 1000)));
  const issuer = encodeSubpacket(SUBPACKETS.issuerFingerprint, Buffer.concat([Buffer.of(4), fingerprint]));
  return {
    hashed: Buffer.concat([issuer, created]),
    // rpm and old readers look for the key id, and here.
    unhashed: encodeSubpacket(SUBPACKETS.issuerKeyId, fingerprint.subarray(-8)),
  };
}

/** §5.2.3.1: the algorithm's own fields, over the digest. */
function signatureParts({ algorithm, privateKey }: OpenPgpSigningKey, digest: Uint8Array): readonly Uint8Array[] {
  if (privateKey.asymmetricKeyType === "rsa") {
    const request = { digestAlgorithm: "sha512", digest, hint: { file: "", kind: "test" } } as const;
    return [encodeMpi(signWithKey(privateKey, request, "the OpenPGP key").signature)];
  }
  const signature = sign(null, digest, privateKey);
  return OPENPGP_ALGORITHMS[algorithm] === "ed25519"
    ? [signature]
    : [encodeMpi(signature.subarray(0, 32)), encodeMpi(signature.subarray(32))];
}
