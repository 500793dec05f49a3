/** Whether an app package's signature holds: each of its digests, the signature, its certificates, and the publisher. */
import { createHash } from "node:crypto";
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import { MANIFEST_NAME } from "../../build/formats/msix.ts";
import { readZipData } from "../../build/formats/zip-data.ts";
import type { ZipRecord } from "../../build/formats/zip-directory.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { parseCertificate } from "../cms/certificate.ts";
import { digestNameOf } from "./digest-name.ts";
import { type MsixIdentity, parseIdentity } from "./msix-identity.ts";
import {
  MSIX_DIGESTS,
  type MsixDigest,
  msixDigests,
  type MsixPackage,
  openMsix,
  P7X_MAGIC,
  parseDigests,
  readPart,
} from "./msix-package.ts";
import { windowsName } from "./publisher-name.ts";
import { type AuthenticodeSignature, parseSignature } from "./read-signature.ts";
import { spcOids } from "./spc.ts";
import { type AuthenticodeFacts, verifySignature } from "./verify-signature.ts";

export interface VerifyMsixRequest {
  /** Absolute. */
  readonly file: string;
  /** DER of roots that a chain may end in; without any, no chain is called untrusted. */
  readonly trusted?: readonly Uint8Array[];
  readonly now?: Date;
  readonly signal?: AbortSignal | undefined;
}

export interface VerifiedMsix {
  /** Empty where everything holds. */
  readonly problems: readonly Problem[];
  /** Undefined where there is none, or it cannot be read. */
  readonly signature: AuthenticodeFacts | undefined;
  /** What the manifest says; undefined where it cannot be read. */
  readonly identity: MsixIdentity | undefined;
}

const MAX_SIGNATURE_BYTES = 1 << 20;

/** Never throws for what is in the file; only for one that cannot be opened, and when told to stop. */
export async function verifyMsix(request: VerifyMsixRequest): Promise<VerifiedMsix> {
  const problems: Problem[] = [];
  let identity: MsixIdentity | undefined;
  let signature: AuthenticodeFacts | undefined;
  try {
    await withFileRange(request.file, async (range) => {
      const file = await openMsix(range);
      identity = parseIdentity((await readPart(range, file, MANIFEST_NAME)).toString("utf8"));
      signature = await verifyParts(range, file, request, problems);
      const [leaf] = signature?.chain ?? [];
      if (leaf === undefined || windowsName(leaf.subject) === identity.publisher) return;
      const what = `its publisher is ${identity.publisher}, and its certificate's subject ${windowsName(leaf.subject)}`;
      problems.push(problem("MSIX_PUBLISHER", what, "set package.msix.publisher to the subject, then erth package"));
    });
  } catch (cause) {
    if (!(cause instanceof ErthError)) throw cause;
    problems.push({ code: cause.code, message: cause.message, remedy: cause.remedy });
  }
  return { problems, signature, identity };
}

async function verifyParts(
  range: ByteRange,
  file: MsixPackage,
  { trusted = [], now = new Date(), signal }: VerifyMsixRequest,
  problems: Problem[],
): Promise<AuthenticodeFacts | undefined> {
  if (file.signature === undefined) {
    problems.push(problem("MSIX_UNSIGNED", "the package is not signed", "erth sign, or let the Store sign it"));
    return undefined;
  }
  const signature = parseSignature(await readP7x(range, file.signature));
  problems.push(...(await digestProblems(signature, (name) => msixDigests(range, file, name, signal))));
  // The digests are several, and each was compared above.
  const subject = { dataOid: spcOids.sipInfo, what: "app package", digest: () => signature.indirect.digest };
  const roots = trusted.map((der) => parseCertificate(der));
  const verified = verifySignature(signature, "0", subject, { trusted: roots, now });
  problems.push(...verified.problems);
  return verified.facts;
}

/** The CMS in `AppxSignature.p7x`. Throws `MSIX_SIGNATURE`. */
export async function readP7x(range: ByteRange, record: ZipRecord): Promise<Uint8Array> {
  if (record.bytes > MAX_SIGNATURE_BYTES) {
    throw new ErthError(problem("MSIX_SIGNATURE", `its signature has ${record.bytes} bytes`));
  }
  const p7x = Buffer.concat(await Array.fromAsync(readZipData(range, record)));
  if (p7x.toString("latin1", 0, P7X_MAGIC.length) !== P7X_MAGIC) {
    throw new ErthError(problem("MSIX_SIGNATURE", `its signature does not begin with ${P7X_MAGIC}`));
  }
  return p7x.subarray(P7X_MAGIC.length);
}

async function digestProblems(
  { indirect }: AuthenticodeSignature,
  digestsBy: (name: NonNullable<ReturnType<typeof digestNameOf>>) => ReturnType<typeof msixDigests>,
): Promise<readonly Problem[]> {
  const name = digestNameOf(indirect.digestOid);
  // `verifySignature` tells an algorithm that is not known.
  if (name === undefined) return [];
  const declared = parseDigests(indirect.digest, createHash(name).digest().length);
  if (declared === undefined) return [problem("MSIX_SIGNATURE", "what its signature covers cannot be read")];
  const actual = await digestsBy(name);
  return (Object.keys(MSIX_DIGESTS) as MsixDigest[]).flatMap((digest) => {
    const [said, is] = [declared.get(digest), actual.get(digest)];
    if (said === undefined && is === undefined) return [];
    if (said === undefined) return [problem("MSIX_DIGEST", `its signature does not cover ${MSIX_DIGESTS[digest]}`)];
    if (is !== undefined && Buffer.compare(said, is) === 0) return [];
    return [problem("MSIX_DIGEST", `it was changed after it was signed: ${MSIX_DIGESTS[digest]} (${digest})`)];
  });
}

function problem(code: string, what: string, remedy = "make and sign it again: erth package, erth sign"): Problem {
  return { code, message: `${what.charAt(0).toUpperCase()}${what.slice(1)}.`, remedy };
}
