/**
 * Reads PKCS #12 (RFC 7292) in DER or BER, with the modern and the legacy
 * protections and the MACs of both (RFC 9579 for PBMAC1). Own code over
 * node:crypto: the libraries at hand either lack RC2, take no BER, or cannot
 * tell a wrong password from a damaged file.
 */
import { createHmac, createPrivateKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { ErthError } from "../../runtime/base/errors.ts";
import type { Secret } from "../../runtime/base/secret.ts";
import { bmpString, type DerNode, parseDer } from "../cms/der.ts";
import { isContext, joinOctets, readAlgorithm, readOctets, readOid, sequenceOf } from "../cms/der-values.ts";
import { oids } from "../cms/oids.ts";
import {
  decryptWithPassword,
  deriveKey,
  derivePkcs12,
  hmacDigests,
  iterationsOf,
  type PasswordForms,
  unsupported,
} from "./password-decryption.ts";

export interface Pkcs12Content {
  readonly keys: readonly KeyObject[];
  /** DER, in the file's order. */
  readonly certificates: readonly Uint8Array[];
  readonly warnings: readonly string[];
}

const ENCRYPTED_DATA = "1.2.840.113549.1.7.6";
const PBMAC1 = "1.2.840.113549.1.5.14";
const BAG = "1.2.840.113549.1.12.10.1";
const X509_CERTIFICATE = "1.2.840.113549.1.9.22.1";

/** Whether the DER is a PFX (version 3 and a ContentInfo) and no bare key or certificate. */
export function isPkcs12(root: DerNode): boolean {
  const [version, content] = root.children;
  const isVersion3 = version?.class === "universal" && version.tag === 2 && version.value.length === 1;
  return isVersion3 && version.value[0] === 3 && content?.children[0]?.tag === 6;
}

/** Opens the file. A wrong or missing password is `KEY_PASSWORD`, an unknown protection `KEY_ENCRYPTION`. */
export function parsePkcs12(der: Uint8Array, password: Secret | undefined, name: string): Pkcs12Content {
  const what = "PKCS #12 file";
  const [, authSafe, mac] = sequenceOf(parseDer(der, { ber: true, what, allowTrailing: true }), what);
  const content = readData(authSafe);
  const { forms, warning } = passwordFor(mac, content, password, name);
  const keys: KeyObject[] = [];
  const certificates: Uint8Array[] = [];

  const opened = (bytes: Uint8Array | undefined): Uint8Array => bytes ?? wrongPassword(name, password);
  const readBags = (bytes: Uint8Array, depth: number): void => {
    for (const bag of sequenceOf(parseDer(bytes, { ber: true, what, allowTrailing: true }), what)) readBag(bag, depth);
  };
  const readBag = (bag: DerNode, depth: number): void => {
    const [type, wrapper] = sequenceOf(bag, what);
    const value = wrapper?.children[0];
    const bagType = readOid(type, what);
    if (bagType === `${BAG}.1` && value) keys.push(toKey(value.bytes, name));
    if (bagType === `${BAG}.2`) {
      const [algorithm, data] = sequenceOf(value, what);
      keys.push(toKey(opened(decryptWithPassword(algorithm, readOctets(data, what), forms)), name));
    }
    if (bagType === `${BAG}.3`) {
      const [kind, certificate] = sequenceOf(value, what);
      if (readOid(kind, what) === X509_CERTIFICATE) certificates.push(readOctets(certificate?.children[0], what));
    }
    if (bagType === `${BAG}.6` && value && depth < 4)
      for (const inner of sequenceOf(value, what)) readBag(inner, depth + 1);
  };

  for (const safe of sequenceOf(parseDer(content, { ber: true, what, allowTrailing: true }), what)) {
    if (readOid(safe.children[0], what) !== ENCRYPTED_DATA) {
      readBags(readData(safe), 0);
      continue;
    }
    const [, encrypted] = sequenceOf(safe.children[1]?.children[0], what);
    const [, algorithm, data] = sequenceOf(encrypted, what);
    if (!isContext(data, 0)) continue;
    readBags(opened(decryptWithPassword(algorithm, joinOctets(data, what), forms)), 0);
  }
  return { keys, certificates, warnings: warning === undefined ? [] : [warning] };
}

/** The octets of a ContentInfo of type data. */
function readData(info: DerNode | undefined): Uint8Array {
  const [type, wrapper] = sequenceOf(info, "PKCS #12 content");
  const oid = readOid(type, "PKCS #12 content");
  return oid === oids.data
    ? readOctets(wrapper?.children[0], "PKCS #12 content")
    : unsupported(`content of type ${oid}`);
}

/** The password in the form that the MAC confirms. */
function passwordFor(
  mac: DerNode | undefined,
  content: Uint8Array,
  password: Secret | undefined,
  name: string,
): { forms: PasswordForms; warning?: string } {
  const text = password?.reveal() ?? "";
  const given = formsOf(text);
  if (mac === undefined) return { forms: given };
  if (isMacOf(mac, content, given)) return { forms: given };
  // Some writers take an empty password for no characters at all, not even the final zero.
  const bare = { utf8: new Uint8Array(), bmp: new Uint8Array() };
  if (text === "" && isMacOf(mac, content, bare)) return { forms: bare };
  const trimmed = text.trim();
  if (trimmed !== text && isMacOf(mac, content, formsOf(trimmed))) {
    return {
      forms: formsOf(trimmed),
      warning: `The password of ${name} has blanks or a line end around it, which do not belong to it; it was repaired.`,
    };
  }
  return wrongPassword(name, password);
}

function formsOf(text: string): PasswordForms {
  // `bmpString` gives an element; its content starts after the header.
  const bmp = parseDer(bmpString(`${text}\0`)).value;
  return { utf8: Buffer.from(text, "utf8"), bmp };
}

/** RFC 7292 §4: MacData; RFC 9579 for PBMAC1. */
function isMacOf(mac: DerNode, content: Uint8Array, password: PasswordForms): boolean {
  const what = "PKCS #12 MAC";
  const [info, salt, count] = sequenceOf(mac, what);
  const [algorithm, digest] = sequenceOf(info, what);
  const { oid, parameters } = readAlgorithm(algorithm, what);
  const expected = readOctets(digest, what);
  let key: Uint8Array;
  let hash: string;
  if (oid === PBMAC1) {
    const [kdf, scheme] = sequenceOf(parameters, what);
    const schemeOid = readAlgorithm(scheme, what).oid;
    hash = hmacDigests[schemeOid] ?? unsupported(`the MAC ${schemeOid}`);
    key = deriveKey(kdf, password.utf8, expected.length);
  } else {
    const names: Readonly<Record<string, string>> = {
      [oids.sha1]: "sha1",
      [oids.sha256]: "sha256",
      [oids.sha384]: "sha384",
      [oids.sha512]: "sha512",
    };
    hash = names[oid] ?? unsupported(`the MAC ${oid}`);
    const iterations = count === undefined ? 1 : iterationsOf(count);
    key = derivePkcs12(hash, 3, password.bmp, readOctets(salt, what), iterations, expected.length);
  }
  const actual = createHmac(hash, key).update(content).digest();
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

function toKey(pkcs8: Uint8Array, name: string): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  } catch (cause) {
    throw new ErthError({
      code: "KEY_DAMAGED",
      message: `${name} opens, but the private key in it cannot be read.`,
      remedy: "export the key and its certificate again, then type: erth doctor signing",
      cause,
    });
  }
}

/** Says whether a password was given at all. */
function wrongPassword(name: string, password: Secret | undefined): never {
  const isGiven = password !== undefined && password.reveal() !== "";
  throw new ErthError({
    code: "KEY_PASSWORD",
    message: isGiven
      ? `The password does not open ${name} (or the file was changed).`
      : `${name} is protected by a password, and none is set.`,
    remedy: "set the password that was chosen when the key was exported, then type: erth doctor signing",
  });
}
