/** RFC 3161 timestamps: the request, the reply, and the token that proves when a signature existed. */
import { createHash, randomBytes } from "node:crypto";
import { ErthError, messageOf, type Problem } from "../../runtime/base/errors.ts";
import { verifyCertificates } from "./certificate-chain.ts";
import { type Certificate, certificateName } from "./certificate.ts";
import { boolean, derError, integer, nullValue, octetString, oid, parseDer, sequence, tags } from "./der.ts";
import {
  isUniversal,
  readAlgorithm,
  readInteger,
  readOctets,
  readOid,
  readSmallInteger,
  readString,
  readTime,
  sequenceOf,
} from "./der-values.ts";
import { oids } from "./oids.ts";
import { type ParsedSignedData, type ParsedSigner, parseSignedData } from "./parse-signed-data.ts";
import { defaultPatience, exchangeTimestamp, type TimestampPatience, TransientFault } from "./timestamp-http.ts";
import { signerCertificate, verifySigner } from "./verify-signer.ts";

export interface TimestampRequest {
  readonly url: string;
  /** SHA-256 of the signature that gets the timestamp. */
  readonly sha256: Uint8Array;
  readonly fetch: typeof fetch;
  readonly signal?: AbortSignal | undefined;
  /** Ties the reply to this request; eight random bytes unless given. */
  readonly nonce?: bigint;
  readonly patience?: TimestampPatience | undefined;
}

export interface TimestampToken {
  readonly time: Date;
  readonly policyOid: string;
  readonly serial: bigint;
  readonly nonce: bigint | undefined;
  readonly imprint: { readonly digestOid: string; readonly digest: Uint8Array };
  readonly signed: ParsedSignedData;
  readonly signer: ParsedSigner;
  /** The authority's own certificate; undefined when the token does not carry it. */
  readonly certificate: Certificate | undefined;
}

/**
 * Asks for a token over the digest and checks it whole before it is returned.
 * `TIMESTAMP_UNREACHABLE` after all attempts, `TIMESTAMP_REFUSED` where the
 * authority says no, `TIMESTAMP_INVALID` for a token that proves nothing.
 */
export async function requestTimestamp(request: TimestampRequest): Promise<Uint8Array> {
  const nonce = request.nonce ?? randomBytes(8).readBigUInt64BE() >> 1n;
  const imprint = sequence(sequence(oid(oids.sha256), nullValue()), octetString(request.sha256));
  // §2.4.1; the last field asks for the authority's certificates.
  const query = sequence(integer(1), imprint, integer(nonce), boolean(true));
  const { url, fetch, signal, patience = defaultPatience } = request;
  const token = await exchangeTimestamp({ url, query, fetch, signal, patience }, readReply);
  const problems = [...verifyTimestampToken(token, request.sha256)];
  if (problems.length === 0 && parseTimestampToken(token).nonce !== nonce) {
    problems.push(problemOf("TIMESTAMP_NONCE", "The timestamp answers another request: its nonce differs."));
  }
  if (problems.length === 0) return token;
  throw new ErthError({
    code: "TIMESTAMP_INVALID",
    message: `The timestamp server's answer is no valid timestamp: ${problems.map(({ message }) => message).join(" ")}`,
    remedy: "set another timestamp server in erth.config.ts, then sign again: erth sign",
    facts: { problems },
  });
}

/** Parses a token (a ContentInfo); anything else is an `ErthError` `DER_INVALID`. Nothing is verified. */
export function parseTimestampToken(token: Uint8Array): TimestampToken {
  const what = "timestamp token";
  const signed = parseSignedData(token);
  const isWrapped = isUniversal(signed.content, tags.octetString);
  if (signed.contentTypeOid !== oids.tstInfo || !isWrapped || !signed.contentOctets) throw derError(what, "no TSTInfo");
  const [signer, ...others] = signed.signers;
  if (signer === undefined || others.length > 0) throw derError(what, `${signed.signers.length} signers, not one`);
  // §2.4.2
  const info = sequenceOf(parseDer(signed.contentOctets, { ber: true, what }), what);
  const [version, policy, imprint, serial, time, ...optional] = info;
  if (readSmallInteger(version, what) !== 1) throw derError(what, "its version is not 1");
  const [algorithm, digest] = sequenceOf(imprint, what);
  const nonce = optional.find((node) => isUniversal(node, tags.integer));
  return {
    time: readTime(time, what),
    policyOid: readOid(policy, what),
    serial: readInteger(serial, what),
    nonce: nonce && readInteger(nonce, what),
    imprint: { digestOid: readAlgorithm(algorithm, what).oid, digest: readOctets(digest, what) },
    signed,
    signer,
    certificate: signerCertificate(signed, signer),
  };
}

/** Every reason why the token does not prove that the data with this SHA-256 existed at its time. */
export function verifyTimestampToken(token: Uint8Array, sha256: Uint8Array): readonly Problem[] {
  try {
    return problemsOf(parseTimestampToken(token), sha256);
  } catch (cause) {
    if (!(cause instanceof ErthError)) throw cause;
    return [problemOf("TIMESTAMP_INVALID", cause.message)];
  }
}

function problemsOf(token: TimestampToken, sha256: Uint8Array): readonly Problem[] {
  const { signed, signer, certificate, imprint, time } = token;
  const problems: Problem[] = [...verifySigner(signed, signer), ...verifyCertificates(signed.certificates)];
  if (imprint.digestOid !== oids.sha256 || Buffer.compare(imprint.digest, sha256) !== 0) {
    problems.push(problemOf("TIMESTAMP_IMPRINT", "The timestamp is of other data."));
  }
  if (certificate === undefined) return problems;
  const name = certificateName(certificate);
  // §2.3: a key for timestamps and nothing else.
  const usage = certificate.extensions.find((extension) => extension.oid === oids.extendedKeyUsage);
  const isForTime = certificate.extendedKeyUsages.join() === oids.timeStamping && usage?.isCritical;
  if (!isForTime) problems.push(problemOf("TIMESTAMP_CERTIFICATE", `The certificate "${name}" is not for timestamps.`));
  if (time < certificate.notBefore || time > certificate.notAfter) {
    const when = time.toISOString();
    problems.push(problemOf("TIMESTAMP_CERTIFICATE", `The certificate "${name}" was not valid at ${when}.`));
  }
  if (!namesCertificate(signer, certificate)) {
    problems.push(
      problemOf("TIMESTAMP_CERTIFICATE", `The timestamp was signed for another certificate than "${name}".`),
    );
  }
  return problems;
}

/** The digests that an ESSCertID carries: SHA-1 in version 1, SHA-256 unless said otherwise in version 2. */
function namesCertificate(signer: ParsedSigner, certificate: Certificate): boolean {
  const find = (type: string) => signer.signedAttributes.find((attribute) => attribute.oid === type)?.values[0];
  const [v1, v2] = [find(oids.signingCertificate), find(oids.signingCertificateV2)];
  // RFC 5035 §3: the first of the listed certificates is the signer's.
  const first = sequenceOf(sequenceOf(v2 ?? v1, "signing certificate")[0], "signing certificate")[0];
  const fields = sequenceOf(first, "signing certificate");
  const algorithm = isUniversal(fields[0], tags.sequence)
    ? readAlgorithm(fields[0], "signing certificate").oid
    : undefined;
  const names: Readonly<Record<string, string>> = {
    [oids.sha256]: "sha256",
    [oids.sha384]: "sha384",
    [oids.sha512]: "sha512",
  };
  const hash = v2 === undefined ? "sha1" : (names[algorithm ?? oids.sha256] ?? "");
  const digest = readOctets(
    fields.find((node) => isUniversal(node, tags.octetString)),
    "signing certificate",
  );
  return hash !== "" && createHash(hash).update(certificate.der).digest().equals(digest);
}

/** PKIFailureInfo bits that pass by themselves: timeNotAvailable, systemFailure. */
const TRANSIENT_FAILURES: readonly number[] = [14, 25];

/** §2.4.2: the token of a granted reply. */
function readReply(reply: Uint8Array): Uint8Array {
  const what = "timestamp reply";
  let parts;
  try {
    parts = sequenceOf(parseDer(reply, { ber: true, what }), what);
  } catch (cause) {
    throw new TransientFault(messageOf(cause), { cause });
  }
  const [status, token] = parts;
  const [code, ...details] = sequenceOf(status, what);
  const granted = readSmallInteger(code, what);
  if (granted === 0 || granted === 1) {
    if (token === undefined) throw derError(what, "it is granted without a token");
    return token.bytes;
  }
  const texts = details.filter((node) => isUniversal(node, tags.sequence)).flatMap((node) => node.children);
  const failures = failureBits(details.find((node) => isUniversal(node, tags.bitString))?.value);
  const text = texts.map((node) => readString(node, what)).join(" ");
  const said = [`status ${granted}`, ...failures.map((bit) => `failure ${bit}`), ...(text ? [text] : [])].join(", ");
  if (failures.some((bit) => TRANSIENT_FAILURES.includes(bit))) throw new TransientFault(said);
  throw new ErthError({
    code: "TIMESTAMP_REFUSED",
    message: `The timestamp server refused the request: ${said}.`,
    remedy: "set another timestamp server in erth.config.ts, then sign again: erth sign",
  });
}

/** Numbers of the bits that are set, the first bit being 0. */
function failureBits(value: Uint8Array = Uint8Array.of(0)): readonly number[] {
  return [...value.subarray(1)].flatMap((octet, index) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => octet & (0x80 >> bit)).map((bit) => index * 8 + bit),
  );
}

function problemOf(code: string, message: string): Problem {
  return { code, message, remedy: "the timestamp is missing or damaged: sign the file again with erth sign" };
}
