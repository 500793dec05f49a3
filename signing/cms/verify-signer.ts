/**
 * Checks a parsed CMS signer against the content and the certificates in the
 * message (RFC 5652 §5.4 to §5.6). Whether a certificate is trusted, or was
 * valid at the time, is for the callers to say.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import type { Problem } from "../../runtime/base/errors.ts";
import { type Certificate, certificateName } from "./certificate.ts";
import { type DerNode, tags } from "./der.ts";
import { isUniversal, readOid, readTime } from "./der-values.ts";
import { oids } from "./oids.ts";
import type { ParsedSignedData, ParsedSigner } from "./parse-signed-data.ts";

/** What messageDigest is compared with: the content's octets, or their digests as far as they are known. */
export type SignedContent = Uint8Array | { readonly sha256: Uint8Array };

/**
 * Every reason why this signer's signature does not hold for the content
 * (the embedded one unless `digested` is given): an empty list says that the
 * named certificate's key signed exactly this.
 */
export function verifySigner(
  signed: ParsedSignedData,
  signer: ParsedSigner,
  digested: SignedContent | undefined = signed.contentOctets,
): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (code: string, message: string): void => {
    problems.push({
      code,
      message,
      remedy: "the file was changed after it was signed, or badly signed: sign it again",
    });
  };
  const hash = digestNames[signer.digestAlgorithmOid];
  const attributes = signer.signedAttributesDer;
  // §5.3, and §5.1; PKCS #7 1.5, which Authenticode follows, has 1 for any content.
  const signerVersion = "subjectKeyId" in signer.id ? 3 : 1;
  const versions = signed.contentTypeOid === oids.data ? [signerVersion] : [1, 3];
  if (!versions.includes(signed.version)) report("CMS_INVALID", `The CMS version is ${signed.version}.`);
  if (signer.version !== signerVersion) {
    report("CMS_INVALID", `The signer's version is ${signer.version}, it has to be ${signerVersion}.`);
  }
  if (!signed.digestAlgorithmOids.includes(signer.digestAlgorithmOid)) {
    report("CMS_INVALID", `The signer's digest ${signer.digestAlgorithmOid} is not among those of the message.`);
  }
  if (hash === undefined) {
    report("CMS_ALGORITHM", `The digest algorithm ${signer.digestAlgorithmOid} is not known.`);
    return problems;
  }
  const actual = digested && digestOf(hash, digested);
  if (actual === undefined) report("CMS_CONTENT_MISSING", `There is no ${hash} of the signed content to compare with.`);
  if (attributes === undefined) {
    if (signed.contentTypeOid !== oids.data) report("CMS_INVALID", "The signed attributes are missing.");
  } else {
    const type = onlyValue(signer, oids.contentType);
    if (type === undefined || !isOid(type, signed.contentTypeOid)) {
      report("CMS_INVALID", "The signed content type is not that of the message.");
    }
    const stated = onlyValue(signer, oids.messageDigest);
    const isSame =
      stated && isUniversal(stated, tags.octetString) && actual && Buffer.compare(stated.value, actual) === 0;
    if (actual !== undefined && !isSame) {
      const found = stated ? Buffer.from(stated.value).toString("hex") : "absent";
      report(
        "CMS_DIGEST",
        `The signed digest is ${found}, the content's ${hash} is ${Buffer.from(actual).toString("hex")}.`,
      );
    }
  }
  const certificate = signerCertificate(signed, signer);
  if (certificate === undefined) {
    report("CMS_CERTIFICATE_MISSING", "The signer's certificate is not in the message.");
    return problems;
  }
  const message = attributes ?? (digested instanceof Uint8Array ? digested : undefined);
  if (message === undefined) {
    report("CMS_CONTENT_MISSING", "The signature covers the content itself, which is not at hand.");
  } else if (!isSignatureOf(certificate, signer, hash, message)) {
    report("CMS_SIGNATURE", `The signature was not made by the key of "${certificateName(certificate)}".`);
  }
  return problems;
}

/** The certificate that the signer's identifier names, if the message carries it. */
export function signerCertificate(signed: ParsedSignedData, { id }: ParsedSigner): Certificate | undefined {
  return signed.certificates.find((it) =>
    "subjectKeyId" in id
      ? it.subjectKeyId === id.subjectKeyId
      : Buffer.compare(it.issuerDer, id.issuerDer) === 0 && Buffer.compare(it.serialDer, id.serialDer) === 0,
  );
}

/** The time that the signer claims; undefined when absent. */
export function claimedSigningTime(signer: ParsedSigner): Date | undefined {
  const value = onlyValue(signer, oids.signingTime);
  return value && readTime(value, "signing time");
}

const digestNames: Readonly<Record<string, string>> = {
  [oids.sha1]: "sha1",
  [oids.sha256]: "sha256",
  [oids.sha384]: "sha384",
  [oids.sha512]: "sha512",
};

/** The digest each signature algorithm implies; undefined where the signer's own field says it. */
const impliedDigest: Readonly<Record<string, string | undefined>> = {
  [oids.rsaEncryption]: undefined,
  [oids.ecPublicKey]: undefined,
  [oids.sha1WithRsaEncryption]: "sha1",
  [oids.sha256WithRsaEncryption]: "sha256",
  [oids.sha384WithRsaEncryption]: "sha384",
  [oids.sha512WithRsaEncryption]: "sha512",
  [oids.ecdsaWithSha256]: "sha256",
  [oids.ecdsaWithSha384]: "sha384",
  [oids.ecdsaWithSha512]: "sha512",
};

function isSignatureOf(certificate: Certificate, signer: ParsedSigner, hash: string, message: Uint8Array): boolean {
  const { key } = certificate;
  const name = signer.signatureAlgorithmOid;
  if (!(name in impliedDigest) || (impliedDigest[name] ?? hash) !== hash) return false;
  const isRsaName = name.startsWith("1.2.840.113549.1.1.");
  if (key.type === "other" || isRsaName !== (key.type === "rsa")) return false;
  try {
    const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: "der", type: "spki" });
    return verify(hash, message, publicKey, signer.signature);
  } catch {
    // A key that OpenSSL refuses (a point off the curve) proves nothing.
    return false;
  }
}

/** The value of an attribute that occurs once and has one value, as RFC 5652 §11 asks. */
function onlyValue(signer: ParsedSigner, oid: string): DerNode | undefined {
  const found = signer.signedAttributes.filter((attribute) => attribute.oid === oid);
  return found.length === 1 && found[0]?.values.length === 1 ? found[0].values[0] : undefined;
}

function isOid(node: DerNode, expected: string): boolean {
  return isUniversal(node, tags.oid) && readOid(node, "content type") === expected;
}

function digestOf(hash: string, content: SignedContent): Uint8Array | undefined {
  if (content instanceof Uint8Array) return createHash(hash).update(content).digest();
  return hash === "sha256" ? content.sha256 : undefined;
}
