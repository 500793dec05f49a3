/**
 * Checks the CMS message of a code signature: that its signer signed exactly
 * these CodeDirectories, by whom, and when.
 */
import { parsePlist } from "../../build/formats/plist-parse.ts";
import type { Problem } from "../../runtime/base/errors.ts";
import { type Certificate, certificateName, nameField } from "../cms/certificate.ts";
import { buildChain, verifyCertificates } from "../cms/certificate-chain.ts";
import { readOctets, readOid, sequenceOf } from "../cms/der-values.ts";
import { oids } from "../cms/oids.ts";
import { parseSignedData, type ParsedSignedData, type ParsedSigner } from "../cms/parse-signed-data.ts";
import { claimedSigningTime, signerCertificate, verifySigner } from "../cms/verify-signer.ts";
import { APPLE_ATTRIBUTE } from "./apple-cms.ts";
import { type AppleTrust, isAppleRoot } from "./apple-roots.ts";
import type { CodeDirectory } from "./code-directory.ts";
import { directoryHash } from "./code-hash.ts";
import { codeProblem, collect, problemOf } from "./code-problem.ts";
import { timestampOf } from "./verify-timestamp.ts";

export interface CmsRequest {
  readonly message: Uint8Array;
  /** Slot 0 first. */
  readonly directories: readonly CodeDirectory[];
  readonly trust: AppleTrust;
}

export interface CmsFindings {
  readonly problems: readonly Problem[];
  /** Leaf first; empty where the message could not be read. */
  readonly chain: readonly Certificate[];
  readonly isTrusted: boolean;
  /** As a timestamp authority says; undefined without a timestamp. */
  readonly timestamp: Date | undefined;
  /** Of that authority, leaf first; empty without a timestamp. */
  readonly timestampChain: readonly Certificate[];
  readonly signingTime: Date | undefined;
}

/** Every reason why the message does not hold. */
export function verifyAppleCms(request: CmsRequest): CmsFindings {
  let signed: ParsedSignedData;
  try {
    signed = parseSignedData(request.message);
  } catch (error) {
    return { ...NOTHING, problems: [problemOf(error)] };
  }
  const [signer, ...others] = signed.signers;
  if (signer === undefined || others.length > 0) {
    const message = `The CMS message has ${signed.signers.length} signers, not one.`;
    return { ...NOTHING, problems: [codeProblem("CMS_INVALID", message)] };
  }
  const [first] = request.directories;
  const problems: Problem[] = [
    ...verifySigner(signed, signer, first?.bytes),
    ...verifyCertificates(signed.certificates),
  ];
  // The code is elsewhere: a message with content of its own could have been signed for something else.
  if (signed.content !== undefined || signed.contentTypeOid !== oids.data) {
    problems.push(codeProblem("CMS_INVALID", "The CMS message is not detached."));
  }
  problems.push(...attributeProblems(signer, request.directories));
  const stamp = timestampOf(signer, problems);
  const timestamp = stamp?.time;
  const timestampChain = stamp?.chain ?? [];
  const signingTime = collect(problems, () => claimedSigningTime(signer));

  const leaf = signerCertificate(signed, signer);
  if (leaf === undefined) return { ...NOTHING, problems, timestamp, timestampChain, signingTime };
  const pool = [...signed.certificates, ...(request.trust.rootCertificates ?? [])];
  const { certificates: chain, missingIssuer } = buildChain(leaf, pool);
  problems.push(...chainProblems(chain, missingIssuer, timestamp ?? signingTime));
  const isTrusted = missingIssuer === undefined && isAppleRoot(chain.at(-1), request.trust);
  const team = nameField(leaf.subject, "OU");
  for (const { teamId } of request.directories) {
    if (teamId === undefined || teamId === team) continue;
    problems.push(
      codeProblem("CODESIGN_TEAM", `The code says team ${teamId}, its certificate team ${team ?? "(none)"}.`),
    );
  }
  return { problems, chain, isTrusted, timestamp, timestampChain, signingTime };
}

const NOTHING: Omit<CmsFindings, "problems"> = {
  chain: [],
  isTrusted: false,
  timestamp: undefined,
  timestampChain: [],
  signingTime: undefined,
};

/** Apple's two attributes repeat the hash of each directory; both must name them all, in order. */
function attributeProblems(signer: ParsedSigner, directories: readonly CodeDirectory[]): readonly Problem[] {
  const problems: Problem[] = [];
  collect(problems, () => {
    const expected = directories.map((directory) => directoryHash(directory));
    const values = (type: string) => signer.signedAttributes.find((attribute) => attribute.oid === type)?.values;
    const list = values(APPLE_ATTRIBUTE.cdHashPlist)?.[0];
    if (list === undefined) problems.push(codeProblem("CMS_CDHASHES", "The CMS message has no list of cdhashes."));
    else {
      const plist = parsePlist(readOctets(list, "cdhashes"), "cdhashes");
      const found: unknown = plist instanceof Map ? plist.get("cdhashes") : undefined;
      const hashes = Array.isArray(found) ? found.map(hexOf) : [];
      if (hashes.join() !== expected.map(({ hex }) => hex.slice(0, 40)).join()) {
        problems.push(
          codeProblem(
            "CMS_CDHASHES",
            `The CMS message lists the cdhashes ${hashes.join(", ") || "(none)"}, of other code.`,
          ),
        );
      }
    }
    // Older signers wrote the list alone.
    const pairs = (values(APPLE_ATTRIBUTE.cdHashes) ?? []).map((node) => {
      const [algorithm, digest] = sequenceOf(node, "cdhash");
      return `${readOid(algorithm, "cdhash")} ${hexOf(readOctets(digest, "cdhash"))}`;
    });
    const missing = expected.filter(({ oid, hex }) => !pairs.includes(`${oid} ${hex}`));
    if (pairs.length > 0 && (missing.length > 0 || pairs.length !== expected.length)) {
      problems.push(codeProblem("CMS_CDHASHES", "The CMS message's directory hashes are of other code."));
    }
  });
  return problems;
}

function hexOf(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : "(no data)";
}

function chainProblems(
  chain: readonly Certificate[],
  missingIssuer: string | undefined,
  at: Date | undefined,
): readonly Problem[] {
  const problems: Problem[] = [];
  if (missingIssuer !== undefined) {
    problems.push(codeProblem("CMS_CHAIN", `The certificate of the issuer "${missingIssuer}" is missing.`));
  }
  const [leaf, ...issuers] = chain;
  for (const issuer of issuers.filter(({ isCertificateAuthority }) => !isCertificateAuthority)) {
    problems.push(
      codeProblem("CMS_CHAIN", `The certificate "${certificateName(issuer)}" is of no authority, yet issued another.`),
    );
  }
  if (leaf !== undefined && !leaf.extendedKeyUsages.includes(oids.codeSigning)) {
    problems.push(codeProblem("CMS_CHAIN", `The certificate "${certificateName(leaf)}" is not for code.`));
  }
  for (const certificate of at === undefined ? [] : chain) {
    if (at !== undefined && at >= certificate.notBefore && at <= certificate.notAfter) continue;
    const when = at?.toISOString() ?? "";
    problems.push(
      codeProblem("CMS_EXPIRED", `The certificate "${certificateName(certificate)}" was not valid at ${when}.`),
    );
  }
  return problems;
}
