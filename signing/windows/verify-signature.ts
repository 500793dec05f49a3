/**
 * Whether one Authenticode signature holds for an image: its digest, the CMS
 * signature, the certificates and their validity at the time of the timestamp,
 * and the timestamp itself. Gathers every problem.
 */
import { createHash } from "node:crypto";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { buildChain, type CertificateChain, verifyCertificates } from "../cms/certificate-chain.ts";
import { type Certificate, certificateName } from "../cms/certificate.ts";
import { oids } from "../cms/oids.ts";
import { parseTimestampToken, type TimestampToken, verifyTimestampToken } from "../cms/timestamp.ts";
import { signerCertificate, verifySigner } from "../cms/verify-signer.ts";
import { type DigestName } from "./authenticode.ts";
import { digestNameOf } from "./digest-name.ts";
import type { AuthenticodeSignature } from "./read-signature.ts";

export interface VerifySettings {
  /** Roots that a chain may end in; without any, no chain is called untrusted. */
  readonly trusted: readonly Certificate[];
  /** The time at which certificates are judged where no timestamp says one. */
  readonly now: Date;
}

/** What a signature is checked against. */
export interface SignedFile {
  /** What indirect data for its kind names: `spcOids.peImageData`. */
  readonly dataOid: string;
  /** "program" */
  readonly what: string;
  readonly digest: (name: DigestName) => Uint8Array;
}

/** What an Authenticode signature says. */
export interface AuthenticodeFacts {
  /** `0` for the first, `0.0` for the first nested in it. */
  readonly index: string;
  readonly digestName: DigestName | undefined;
  /** Hex, as signed. */
  readonly digest: string;
  /** Common name of the leaf; undefined where it is missing. */
  readonly signer: string | undefined;
  readonly issuer: string | undefined;
  readonly validUntil: Date | undefined;
  /** From the timestamp. */
  readonly signedAt: Date | undefined;
  readonly timestampAuthority: string | undefined;
  readonly description: string | undefined;
  readonly url: string | undefined;
  /** Leaf first, as far as they came along or are trusted; empty without the leaf. */
  readonly chain: readonly Certificate[];
  /** Undefined where no root is known to judge by. */
  readonly isTrusted: boolean | undefined;
  /** Of the timestamp's authority; empty without a timestamp that holds. */
  readonly timestampChain: readonly Certificate[];
}

const ANY_USAGE = "2.5.29.37.0";
const SIGN_AGAIN = "the file was changed after it was signed, or badly signed: erth sign";

/** What the signature says of this file, and every reason not to believe it. */
export function verifySignature(
  signature: AuthenticodeSignature,
  index: string,
  file: SignedFile,
  settings: VerifySettings,
): { readonly facts: AuthenticodeFacts; readonly problems: readonly Problem[] } {
  const { signed, signer, indirect, opus } = signature;
  const problems: Problem[] = [];
  const report = (code: string, what: string, remedy = SIGN_AGAIN): void => {
    problems.push({ code, message: `Signature ${index}: ${what}.`, remedy });
  };

  const digestName = digestNameOf(indirect.digestOid);
  if (indirect.dataOid !== file.dataOid)
    report("AUTHENTICODE_CONTENT", `it is for ${indirect.dataOid}, no ${file.what}`);
  if (digestName === undefined)
    report("AUTHENTICODE_DIGEST", `its digest algorithm ${indirect.digestOid} is not known`);
  else {
    const actual = file.digest(digestName);
    if (Buffer.compare(actual, indirect.digest) !== 0) {
      report(
        "AUTHENTICODE_DIGEST",
        `it is for a file with ${digestName} ${hex(indirect.digest)}, this one has ${hex(actual)}`,
      );
    }
  }
  if (indirect.digestOid !== signer.digestAlgorithmOid) {
    report("AUTHENTICODE_CONTENT", `the ${file.what} and the attributes are digested with different algorithms`);
  }
  problems.push(...verifySigner(signed, signer), ...verifyCertificates(signed.certificates));

  const timestamp = timestampOf(signature, settings.trusted, report);
  problems.push(...(timestamp?.problems ?? []));
  const leaf = signerCertificate(signed, signer);
  // Many signatures leave the root out.
  const chain = leaf && buildChain(leaf, [...signed.certificates, ...settings.trusted]);
  if (chain) certificateProblems(chain, timestamp?.time ?? settings.now, report);
  const isTrusted =
    settings.trusted.length === 0 ? undefined : isTrustedChain(chain?.certificates ?? [], settings.trusted);
  if (leaf && isTrusted === false) {
    report(
      "CERTIFICATE_UNTRUSTED",
      `the chain of "${certificateName(leaf)}" ends in no trusted root`,
      "name the root it should end in",
    );
  }
  return {
    facts: {
      index,
      digestName,
      digest: hex(indirect.digest),
      signer: leaf && certificateName(leaf),
      issuer: leaf && (leaf.issuer.find(({ oid }) => oid === "2.5.4.3")?.value ?? "unnamed"),
      validUntil: leaf?.notAfter,
      signedAt: timestamp?.time,
      timestampAuthority: timestamp?.authority,
      description: opus.description,
      url: opus.url,
      chain: chain?.certificates ?? [],
      isTrusted,
      timestampChain: timestamp?.chain ?? [],
    },
    problems,
  };
}

type Report = (code: string, what: string, remedy?: string) => void;

interface Timestamp {
  /** Undefined where the token does not hold: it then proves no time. */
  readonly time: Date | undefined;
  readonly authority: string | undefined;
  readonly chain: readonly Certificate[];
  readonly problems: readonly Problem[];
}

/** Whether one of these certificates is a root to trust. */
export function isTrustedChain(chain: readonly Certificate[], trusted: readonly Certificate[]): boolean {
  return chain.some(({ fingerprint }) => trusted.some((root) => root.fingerprint === fingerprint));
}

function timestampOf(
  { signer, timestampToken, hasLegacyTimestamp }: AuthenticodeSignature,
  trusted: readonly Certificate[],
  report: Report,
): Timestamp | undefined {
  if (!timestampToken) {
    if (hasLegacyTimestamp)
      report("TIMESTAMP_LEGACY", "its timestamp is of the kind before RFC 3161, which is not checked");
    else
      report(
        "TIMESTAMP_MISSING",
        "it has no timestamp, and ends with its certificate",
        "set signing.windows.timestampUrl, then: erth sign",
      );
    return undefined;
  }
  const problems = verifyTimestampToken(timestampToken, createHash("sha256").update(signer.signature).digest());
  try {
    const { time, certificate, imprint, signed } = parseTimestampToken(timestampToken);
    const authority = certificate && certificateName(certificate);
    const remaining = isLongImprint(imprint, signer.signature)
      ? problems.filter(({ code }) => code !== "TIMESTAMP_IMPRINT")
      : problems;
    const holds = remaining.length === 0;
    const chain =
      certificate && holds ? buildChain(certificate, [...signed.certificates, ...trusted]).certificates : [];
    return { time: holds ? time : undefined, authority, chain, problems: remaining };
  } catch (cause) {
    // `verifyTimestampToken` has reported it.
    if (cause instanceof ErthError && problems.length > 0)
      return { time: undefined, authority: undefined, chain: [], problems };
    throw cause;
  }
}

/** Tools that sign with a longer digest ask for the timestamp with it too. */
function isLongImprint(imprint: TimestampToken["imprint"], signature: Uint8Array): boolean {
  const name = digestNameOf(imprint.digestOid);
  if (name !== "sha384" && name !== "sha512") return false;
  return createHash(name).update(signature).digest().equals(imprint.digest);
}

function certificateProblems({ certificates, missingIssuer }: CertificateChain, at: Date, report: Report): void {
  const [leaf] = certificates;
  const usages = leaf?.extendedKeyUsages ?? [];
  if (leaf && !usages.includes(oids.codeSigning) && !usages.includes(ANY_USAGE)) {
    report(
      "CERTIFICATE_KIND",
      `"${certificateName(leaf)}" is no certificate for code signing`,
      "sign with a code-signing certificate: erth doctor signing",
    );
  }
  for (const [index, certificate] of certificates.entries()) {
    const name = `"${certificateName(certificate)}"`;
    if (at < certificate.notBefore || at > certificate.notAfter) {
      const span = `${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()}`;
      report(
        "CERTIFICATE_EXPIRED",
        `${name} is valid from ${span}, and it was signed at ${at.toISOString()}`,
        "renew the certificate, then: erth sign",
      );
    }
    if (index > 0 && !certificate.isCertificateAuthority)
      report("CERTIFICATE_CHAIN", `${name} is no certificate authority`);
  }
  // Who verifies has the root; the leaf's issuer is the least that has to come along.
  const isAlone = certificates.length === 1 && missingIssuer !== undefined;
  if (isAlone) {
    report(
      "CERTIFICATE_CHAIN",
      `the certificate of its issuer (${missingIssuer}) is missing`,
      "add the intermediate certificates to the key's chain, then: erth sign",
    );
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
