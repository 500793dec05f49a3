/** What an X.509 certificate says, as RFC 5280 §4.1 lays it out. Nothing here decides whether it is trusted. */
import { createHash } from "node:crypto";
import { type DerNode, derError, parseDer, tags } from "./der.ts";
import {
  isContext,
  isUniversal,
  joinOctets,
  readAlgorithm,
  readBits,
  readBoolean,
  readInteger,
  readOctets,
  readOid,
  readSmallInteger,
  readString,
  readTime,
  sequenceOf,
  setOf,
} from "./der-values.ts";
import { oids } from "./oids.ts";

/** One attribute of a distinguished name; a value that is no string is given as hex. */
export interface NameField {
  readonly oid: string;
  readonly value: string;
}

export interface CertificateExtension {
  readonly oid: string;
  readonly isCritical: boolean;
  /** The octets inside `extnValue`. */
  readonly value: Uint8Array;
}

export interface CertificateKey {
  readonly type: "rsa" | "ec" | "other";
  /** Size of the RSA modulus, or of the curve's field. */
  readonly bits?: number;
  /** `SubjectPublicKeyInfo`, whole. */
  readonly spki: Uint8Array;
}

export interface Certificate {
  readonly der: Uint8Array;
  readonly subject: readonly NameField[];
  readonly issuer: readonly NameField[];
  /** `Name` as encoded: what an `IssuerAndSerialNumber` repeats. */
  readonly subjectDer: Uint8Array;
  readonly issuerDer: Uint8Array;
  readonly serial: bigint;
  /** The INTEGER, whole. */
  readonly serialDer: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly key: CertificateKey;
  readonly signatureAlgorithmOid: string;
  readonly extensions: readonly CertificateExtension[];
  /** OIDs of the extended key usage; empty when the extension is absent. */
  readonly extendedKeyUsages: readonly string[];
  /** OIDs of the certificate policies. */
  readonly policies: readonly string[];
  readonly isCertificateAuthority: boolean;
  /** Hex of the subject and authority key identifiers, where present. */
  readonly subjectKeyId: string | undefined;
  readonly authorityKeyId: string | undefined;
  /** Issuer and subject are the same name; the signature is not checked here. */
  readonly isSelfSigned: boolean;
  /** Hex SHA-256 of `der`. */
  readonly fingerprint: string;
}

const nameLabels: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "0.9.2342.19200300.100.1.1": "UID",
};

/** Parses one DER certificate; anything else is an `ErthError` `DER_INVALID`. */
export function parseCertificate(der: Uint8Array): Certificate {
  const what = "certificate";
  const [body, algorithm, signature, ...rest] = sequenceOf(parseDer(der, { what }), what);
  const fields = [...sequenceOf(body, what)];
  if (rest.length > 0) throw derError(what, "it has more than three parts");
  readBits(signature, what);
  // `version` is absent in version 1.
  if (isContext(fields[0], 0)) fields.shift();
  const [serial, inner, issuer, validity, subject, spki, ...optional] = fields;
  if (serial === undefined || issuer === undefined || subject === undefined || spki === undefined) {
    throw derError(what, "a field is missing");
  }
  const [notBefore, notAfter] = sequenceOf(validity, "certificate validity");
  const { oid: signatureAlgorithmOid } = readAlgorithm(algorithm, what);
  // RFC 5280 §4.1.1.2: the algorithm inside the signed part is the same.
  if (readAlgorithm(inner, what).oid !== signatureAlgorithmOid) throw derError(what, "its two algorithms differ");
  const extensions = parseExtensions(optional.find((node) => isContext(node, 3)));
  const valueOf = (oid: string): DerNode | undefined => {
    const found = extensions.find((extension) => extension.oid === oid);
    return found && parseDer(found.value, { what: "certificate extension" });
  };
  const [isCa] = sequenceOr(valueOf(oids.basicConstraints));
  const subjectKeyId = valueOf(oids.subjectKeyIdentifier);
  const authorityKeyId = sequenceOr(valueOf(oids.authorityKeyIdentifier)).find((node) => isContext(node, 0));
  return {
    der,
    subject: parseName(subject),
    issuer: parseName(issuer),
    subjectDer: subject.bytes,
    issuerDer: issuer.bytes,
    serial: readInteger(serial, "certificate serial number"),
    serialDer: serial.bytes,
    notBefore: readTime(notBefore, "certificate validity"),
    notAfter: readTime(notAfter, "certificate validity"),
    key: parseKey(spki),
    signatureAlgorithmOid,
    extensions,
    extendedKeyUsages: sequenceOr(valueOf(oids.extendedKeyUsage)).map((node) => readOid(node, "extended key usage")),
    policies: sequenceOr(valueOf(oids.certificatePolicies)).map((node) =>
      readOid(sequenceOf(node, "certificate policy")[0], "certificate policy"),
    ),
    isCertificateAuthority: isUniversal(isCa, tags.boolean) && readBoolean(isCa, what),
    subjectKeyId: subjectKeyId && hex(readOctets(subjectKeyId, "subject key identifier")),
    authorityKeyId: authorityKeyId && hex(joinOctets(authorityKeyId, "authority key identifier")),
    isSelfSigned: Buffer.compare(subject.bytes, issuer.bytes) === 0,
    fingerprint: createHash("sha256").update(der).digest("hex"),
  };
}

/** The last value of a name's attribute, by OID or label (`CN`, `O`, `OU`). */
export function nameField(name: readonly NameField[], oidOrLabel: string): string | undefined {
  return name.findLast((field) => field.oid === oidOrLabel || nameLabels[field.oid] === oidOrLabel)?.value;
}

/** A name on one line, in the order of the certificate: `CN=…, O=…`. */
export function renderName(name: readonly NameField[]): string {
  return name.map(({ oid, value }) => `${nameLabels[oid] ?? oid}=${value}`).join(", ");
}

/** How messages call a certificate: its common name, or the whole subject. */
export function certificateName(certificate: Certificate): string {
  return nameField(certificate.subject, "CN") ?? (renderName(certificate.subject) || `serial ${certificate.serial}`);
}

function parseName(node: DerNode): readonly NameField[] {
  return sequenceOf(node, "name").flatMap((relative) =>
    setOf(relative, "name").map((attribute) => {
      const [type, value] = sequenceOf(attribute, "name");
      if (value === undefined) throw derError("name", "an attribute has no value");
      const isText = value.class === "universal" && !value.constructed && value.tag >= tags.utf8String;
      return { oid: readOid(type, "name"), value: isText ? readString(value, "name") : hex(value.value) };
    }),
  );
}

function parseExtensions(wrapper: DerNode | undefined): readonly CertificateExtension[] {
  if (wrapper === undefined) return [];
  const what = "certificate extension";
  const extensions = sequenceOf(wrapper.children[0], what).map((node) => {
    const parts = [...sequenceOf(node, what)];
    const oid = readOid(parts.shift(), what);
    const isCritical = isUniversal(parts[0], tags.boolean) && readBoolean(parts.shift(), what);
    return { oid, isCritical, value: readOctets(parts[0], what) };
  });
  if (new Set(extensions.map(({ oid }) => oid)).size < extensions.length) throw derError(what, "one occurs twice");
  return extensions;
}

function parseKey(node: DerNode): CertificateKey {
  const [algorithm, bits] = sequenceOf(node, "public key");
  const { oid, parameters } = readAlgorithm(algorithm, "public key");
  if (oid === oids.ecPublicKey && parameters !== undefined && isUniversal(parameters, tags.oid)) {
    const size = { [oids.prime256v1]: 256, [oids.secp384r1]: 384 }[readOid(parameters, "curve")];
    return size === undefined ? { type: "other", spki: node.bytes } : { type: "ec", bits: size, spki: node.bytes };
  }
  if (oid !== oids.rsaEncryption) return { type: "other", spki: node.bytes };
  const [modulus, exponent] = sequenceOf(parseDer(readBits(bits, "RSA key"), { what: "RSA key" }), "RSA key");
  readSmallInteger(exponent, "RSA key");
  return { type: "rsa", bits: readInteger(modulus, "RSA key").toString(2).length, spki: node.bytes };
}

function sequenceOr(node: DerNode | undefined): readonly DerNode[] {
  return node === undefined ? [] : sequenceOf(node, "certificate extension");
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
