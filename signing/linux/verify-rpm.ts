/**
 * Checks an RPM package as `rpm -K` does: every digest in its signature header
 * over main header and payload, the payload's own digest, and the OpenPGP
 * signatures. Tags are those of rpm 4.18's `rpmtag.h`.
 */
import { createHash } from "node:crypto";
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import { readRpm, type RpmFile, type RpmPart } from "../../build/formats/rpm-reader.ts";
import type { UnpackLimits } from "../../build/formats/unpack-limits.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import type { OpenPgpPublicKey } from "./openpgp-public-key.ts";
import { type VerifiedOpenPgp, verifyOpenPgp } from "./verify-openpgp.ts";

export interface VerifiedRpm {
  readonly problems: readonly Problem[];
  readonly signatures: readonly VerifiedOpenPgp[];
  /** Facts by name, in the order in which they are told. */
  readonly facts: Readonly<Record<string, string>>;
  /** Undefined where it cannot be read. */
  readonly file: RpmFile | undefined;
}

export interface VerifyLinuxOptions {
  readonly keys: readonly OpenPgpPublicKey[];
  readonly now: Date;
  readonly limits?: UnpackLimits | undefined;
  readonly signal?: AbortSignal | undefined;
}

const TAG = {
  name: 1000,
  version: 1001,
  release: 1002,
  arch: 1022,
  compressor: 1125,
  payloadDigest: 5092,
  payloadDigestAlgorithm: 5093,
} as const;
const SIGNATURE_TAG = { size: 1000, md5: 1004, sha1: 269, longSize: 270, sha256: 273, sha3: 279 } as const;
/** What each signature covers: the header alone, or header and payload. */
const SIGNATURES = [
  { tag: 268, what: "the header's RSA signature", isWhole: false },
  { tag: 267, what: "the header's signature", isWhole: false },
  { tag: 1002, what: "the RSA signature of header and payload", isWhole: true },
  { tag: 1005, what: "the signature of header and payload", isWhole: true },
] as const;
const OPENPGP_TAG = 278;
/** Numbers of OpenPGP's registry. */
const DIGESTS: Readonly<Record<number, string>> = { 1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512" };
const STRONG: readonly string[] = ["sha256", "sha384", "sha512"];
const PIECE_BYTES = 1 << 20;

/** Never throws for what is in the file; only for one that cannot be read, and when told to stop. */
export async function inspectRpm(path: string, options: VerifyLinuxOptions): Promise<VerifiedRpm> {
  const problems: Problem[] = [];
  try {
    return await withFileRange(path, async (range) => {
      const file = await readRpm(range);
      const signatures: VerifiedOpenPgp[] = [];
      problems.push(...(await digestProblems(range, file, options.signal)));
      for (const one of await signaturesOf(range, file, options)) {
        problems.push(...one.problems);
        signatures.push(...one.signatures);
      }
      return { problems, signatures, facts: factsOf(file), file };
    });
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems.push({ code: error.code, message: error.message, remedy: error.remedy });
    return { problems, signatures: [], facts: {}, file: undefined };
  }
}

async function digestProblems(
  range: ByteRange,
  { signature, main, payload }: RpmFile,
  signal: AbortSignal | undefined,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const report = (what: string): void =>
    void problems.push({ code: "RPM_DIGEST", message: `${what}.`, remedy: "make the package again: erth package" });
  const compare = (what: string, stated: string | undefined, actual: string): void => {
    if (stated !== undefined && stated !== actual) report(`${what} is ${actual}, and is stated as ${stated}`);
  };
  const algorithm = DIGESTS[main.numbers(TAG.payloadDigestAlgorithm)[0] ?? 0];
  const [payloadDigest] = main.strings(TAG.payloadDigest);
  const [sha256, sha1] = [signature.strings(SIGNATURE_TAG.sha256)[0], signature.strings(SIGNATURE_TAG.sha1)[0]];
  const md5 = signature.binary(SIGNATURE_TAG.md5);
  if (sha256 === undefined) report("The header has no SHA-256");
  if (payloadDigest === undefined || algorithm === undefined || !STRONG.includes(algorithm))
    report("The payload has no digest that holds");

  const [wholeMd5, payloadHash] = [createHash("md5"), createHash(algorithm ?? "sha256")];
  const [headerSha256, headerSha1] = [createHash("sha256"), createHash("sha1")];
  for await (const piece of partContent(range, main, signal)) {
    for (const hash of [headerSha256, headerSha1, wholeMd5]) hash.update(piece);
  }
  for await (const piece of partContent(range, payload, signal)) {
    wholeMd5.update(piece);
    payloadHash.update(piece);
  }
  compare("The header's SHA-256", sha256, headerSha256.digest("hex"));
  compare("The header's SHA-1", sha1, headerSha1.digest("hex"));
  compare("The MD5 of header and payload", md5 && Buffer.from(md5).toString("hex"), wholeMd5.digest("hex"));
  compare(`The payload's ${algorithm ?? ""}`, payloadDigest, payloadHash.digest("hex"));
  const [size] = [...signature.numbers(SIGNATURE_TAG.longSize), ...signature.numbers(SIGNATURE_TAG.size)];
  const bytes = main.size + payload.size;
  if (size !== undefined && size !== bytes) report(`Header and payload have ${bytes} bytes, stated are ${size}`);
  return problems;
}

async function signaturesOf(range: ByteRange, { signature, main, payload }: RpmFile, options: VerifyLinuxOptions) {
  const content = async function* (isWhole: boolean): AsyncGenerator<Uint8Array> {
    yield* partContent(range, main, options.signal);
    if (isWhole) yield* partContent(range, payload, options.signal);
  };
  const found: { readonly file: Uint8Array; readonly what: string; readonly isWhole: boolean }[] = [];
  for (const { tag, what, isWhole } of SIGNATURES) {
    const file = signature.binary(tag);
    if (file !== undefined) found.push({ file, what, isWhole });
  }
  for (const [index, base64] of signature.strings(OPENPGP_TAG).entries()) {
    found.push({ file: Buffer.from(base64, "base64"), what: `the header's signature ${index}`, isWhole: false });
  }
  const { keys, now } = options;
  return await Promise.all(
    found.map(({ file, what, isWhole }) => verifyOpenPgp({ content: content(isWhole), file, keys, what, now })),
  );
}

async function* partContent(
  range: ByteRange,
  { offset, size }: RpmPart,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += PIECE_BYTES) {
    signal?.throwIfAborted();
    yield await range.read(offset + at, Math.min(PIECE_BYTES, size - at));
  }
}

function factsOf({ main }: RpmFile): Readonly<Record<string, string>> {
  const text = (tag: number): string => main.strings(tag)[0] ?? "";
  return {
    package: `${text(TAG.name)}-${text(TAG.version)}-${text(TAG.release)}.${text(TAG.arch)}`,
    payload: text(TAG.compressor),
  };
}
