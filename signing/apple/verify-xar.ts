/**
 * Checks a signed package (`.pkg`): header, table of contents, heap, the RSA
 * and the CMS signature over the table's checksum, who signed and when.
 * Nothing is shared with the code that signs packages but the parsers.
 */
import { createPublicKey, publicDecrypt, constants } from "node:crypto";
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import { readXar, XAR_CHECKSUMS, type XarArchive } from "../../build/formats/xar.ts";
import type { XarSignatureElement } from "../../build/formats/xar-toc.ts";
import type { Problem } from "../../runtime/base/errors.ts";
import { type Certificate, certificateName, parseCertificate } from "../cms/certificate.ts";
import { buildChain, verifyCertificates } from "../cms/certificate-chain.ts";
import { parseSignedData } from "../cms/parse-signed-data.ts";
import { claimedSigningTime, signerCertificate, verifySigner } from "../cms/verify-signer.ts";
import { encodeDigestInfo } from "../keys/digest-info.ts";
import { isAppleRoot } from "./apple-roots.ts";
import { codeProblem, collect, collecting } from "./code-problem.ts";
import { APPLE_OID } from "./requirement.ts";
import { ticketFault } from "./notary/ticket.ts";
import { ticketProblem } from "./verify-dmg.ts";
import type { VerifyCodeOptions } from "./verify-mach-o.ts";
import { timestampOf } from "./verify-timestamp.ts";
import { heapProblems } from "./verify-xar-heap.ts";

export interface VerifiedXar {
  readonly problems: readonly Problem[];
  readonly archive: XarArchive | undefined;
  /** Leaf first; empty for an unsigned package. */
  readonly chain: readonly Certificate[];
  readonly isTrusted: boolean;
  readonly timestamp: Date | undefined;
  readonly timestampChain: readonly Certificate[];
  readonly signingTime: Date | undefined;
}

type Signer = Omit<VerifiedXar, "problems" | "archive">;

const NOBODY: Signer = {
  chain: [],
  isTrusted: false,
  timestamp: undefined,
  timestampChain: [],
  signingTime: undefined,
};
/** Extended key usages of installer certificates: Developer ID, and the store's. */
const INSTALLER_USAGES: readonly string[] = ["1.2.840.113635.100.4.13", "1.2.840.113635.100.4.9"];
const CHECKSUM_NUMBER_AT = 24;

/** Every problem of the package. Throws only where the file cannot be read, and when told to stop. */
export async function inspectXar(
  path: string,
  options: VerifyCodeOptions = {},
  signal?: AbortSignal,
): Promise<VerifiedXar> {
  const problems: Problem[] = [];
  return await withFileRange(path, async (range) => {
    const archive = await collecting(problems, () => readXar(range));
    if (archive === undefined) return { ...NOBODY, problems, archive };
    const number = Buffer.from(await range.read(CHECKSUM_NUMBER_AT, 4)).readUInt32BE();
    if (number !== XAR_CHECKSUMS[archive.checksumStyle].number) {
      problems.push(
        codeProblem("XAR_DAMAGED", `Its header names checksum ${number}, its table ${archive.checksumStyle}.`),
      );
    }
    problems.push(...(await heapProblems(range, archive, signal)));
    const fault = archive.ticket && ticketFault(archive.ticket);
    if (fault !== undefined) problems.push(ticketProblem(fault));
    const signer = await verifySignatures(range, archive, options, problems);
    return { ...signer, problems, archive };
  });
}

async function verifySignatures(
  range: ByteRange,
  archive: XarArchive,
  options: VerifyCodeOptions,
  problems: Problem[],
): Promise<Signer> {
  const { toc, heapOffset, endOffset } = archive;
  const [rsa, ...moreRsa] = toc.signatures.filter(({ style }) => style === "RSA");
  const [cms, ...moreCms] = toc.signatures.filter(({ style }) => style === "CMS");
  const known = [rsa, ...moreRsa, cms, ...moreCms].filter((one) => one !== undefined);
  if (toc.signatures.length === 0) {
    problems.push(codeProblem("XAR_UNSIGNED", "The package is not signed."));
    return NOBODY;
  }
  if (moreRsa.length + moreCms.length > 0 || known.length !== toc.signatures.length) {
    const styles = toc.signatures.map(({ style }) => style).join(", ");
    problems.push(codeProblem("XAR_SIGNATURE", `Its table of contents has these signatures: ${styles}.`));
  }
  const bytesOf = async ({ offset, size }: XarSignatureElement): Promise<Uint8Array | undefined> =>
    heapOffset + offset + size > endOffset ? undefined : await range.read(heapOffset + offset, size);

  // 1. The certificates in the table, which its checksum covers.
  const stated = collect(problems, () => (rsa ?? cms)?.certificates.map((der) => parseCertificate(der))) ?? [];
  const [statedLeaf] = stated;
  problems.push(...verifyCertificates(stated));
  // 2. RSA, over the checksum.
  if (rsa === undefined) problems.push(codeProblem("XAR_SIGNATURE", "It has no RSA signature."));
  else if (statedLeaf === undefined) problems.push(codeProblem("XAR_SIGNATURE", "Its certificate is missing."));
  else if (!isRsaOver(archive, statedLeaf, await bytesOf(rsa))) {
    const name = certificateName(statedLeaf);
    problems.push(
      codeProblem("XAR_SIGNATURE", `Its RSA signature was not made by the key of "${name}" for this table.`),
    );
  }
  // 3. CMS over the same, with a timestamp.
  const message = cms && (await bytesOf(cms));
  const findings = message && collect(problems, () => cmsFindings(message, archive.checksum, problems));
  if (
    findings?.leaf !== undefined &&
    statedLeaf !== undefined &&
    findings.leaf.fingerprint !== statedLeaf.fingerprint
  ) {
    problems.push(codeProblem("XAR_SIGNATURE", "Its CMS signature is by another certificate than its RSA signature."));
  }
  // 4. Who signed, and when.
  const leaf = statedLeaf ?? findings?.leaf;
  const timestamp = findings?.stamp?.time;
  const timestampChain = findings?.stamp?.chain ?? [];
  const signingTime = findings?.signingTime;
  if (leaf === undefined) return { ...NOBODY, timestamp, timestampChain, signingTime };
  const { certificates: chain, missingIssuer } = buildChain(leaf, [
    ...stated,
    ...(findings?.certificates ?? []),
    ...(options.rootCertificates ?? []),
  ]);
  problems.push(...chainProblems(chain, missingIssuer, timestamp ?? signingTime));
  for (const stray of (findings?.certificates ?? []).filter((one) => !includes(chain, one))) {
    problems.push(codeProblem("CMS_CERTIFICATE", `The certificate "${certificateName(stray)}" is not of its chain.`));
  }
  const isTrusted = missingIssuer === undefined && isAppleRoot(chain.at(-1), options);
  if (!isTrusted) {
    problems.push(codeProblem("CMS_UNTRUSTED", "The certificate chain does not end in a root of Apple's."));
  }
  const signer = { chain, isTrusted, timestamp, timestampChain, signingTime };
  if (options.policy === "notarizable") problems.push(...policyProblems(signer));
  return signer;
}

/** PKCS #1 v1.5 over the checksum, which is a digest already. */
function isRsaOver(
  { checksum, checksumStyle }: XarArchive,
  leaf: Certificate,
  signature: Uint8Array | undefined,
): boolean {
  if (signature === undefined || leaf.key.type !== "rsa") return false;
  try {
    const key = createPublicKey({ key: Buffer.from(leaf.key.spki), format: "der", type: "spki" });
    const signed = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
    return signed.equals(encodeDigestInfo(checksumStyle, checksum));
  } catch {
    // OpenSSL's word for padding that is wrong: signed by another key, or changed.
    return false;
  }
}

function cmsFindings(message: Uint8Array, checksum: Uint8Array, problems: Problem[]) {
  const signed = parseSignedData(message);
  const [signer, ...others] = signed.signers;
  if (signer === undefined || others.length > 0) {
    problems.push(codeProblem("CMS_INVALID", `The CMS message has ${signed.signers.length} signers, not one.`));
    return undefined;
  }
  if (signed.content !== undefined) problems.push(codeProblem("CMS_INVALID", "The CMS message is not detached."));
  problems.push(...verifySigner(signed, signer, checksum), ...verifyCertificates(signed.certificates));
  return {
    leaf: signerCertificate(signed, signer),
    certificates: signed.certificates,
    stamp: timestampOf(signer, problems),
    signingTime: claimedSigningTime(signer),
  };
}

function includes(chain: readonly Certificate[], { fingerprint }: Certificate): boolean {
  return chain.some((one) => one.fingerprint === fingerprint);
}

function chainProblems(
  chain: readonly Certificate[],
  missingIssuer: string | undefined,
  at: Date | undefined,
): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (code: string, message: string): void => void problems.push(codeProblem(code, message));
  const [leaf, ...issuers] = chain;
  if (missingIssuer !== undefined) report("CMS_CHAIN", `The certificate of the issuer "${missingIssuer}" is missing.`);
  for (const issuer of issuers.filter(({ isCertificateAuthority }) => !isCertificateAuthority)) {
    report("CMS_CHAIN", `The certificate "${certificateName(issuer)}" is of no authority, yet issued another.`);
  }
  if (leaf !== undefined && !leaf.extendedKeyUsages.some((usage) => INSTALLER_USAGES.includes(usage))) {
    report("CMS_CHAIN", `The certificate "${certificateName(leaf)}" is not for packages.`);
  }
  for (const certificate of at === undefined ? [] : chain) {
    if (at === undefined || (at >= certificate.notBefore && at <= certificate.notAfter)) continue;
    report("CMS_EXPIRED", `The certificate "${certificateName(certificate)}" was not valid at ${at.toISOString()}.`);
  }
  return problems;
}

function policyProblems({ chain: [leaf], timestamp }: Signer): readonly Problem[] {
  if (!leaf?.extensions.some(({ oid }) => oid === APPLE_OID.developerIdInstaller)) {
    const message = "It is not signed with a Developer ID Installer certificate.";
    const remedy = "set signing.apple.installer to such a key, then: erth doctor signing && erth sign";
    return [{ code: "NOTARY_CERTIFICATE", message, remedy }];
  }
  if (timestamp !== undefined) return [];
  const remedy = "set signing.apple.timestamp, then: erth sign";
  return [{ code: "NOTARY_TIMESTAMP", message: "Its signature has no valid timestamp.", remedy }];
}
