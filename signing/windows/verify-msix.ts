/** Whether an app package's signature holds: each of its digests, the signature, its certificates, and the publisher. */
import { createHash } from "node:crypto";
import { withFileRange } from "../../build/formats/byte-range.ts";
import { MANIFEST_NAME } from "../../build/formats/msix.ts";
import { readZipData } from "../../build/formats/zip-data.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { parseCertificate } from "../cms/certificate.ts";
import { digestNameOf } from "./digest-name.ts";
import {
  MSIX_DIGESTS,
  type MsixDigest,
  msixDigests,
  openMsix,
  P7X_MAGIC,
  parseDigests,
  readPart,
} from "./msix-package.ts";
import { windowsName } from "./publisher-name.ts";
import { type AuthenticodeSignature, parseSignature } from "./read-signature.ts";
import { publisherOf } from "./sign-msix.ts";
import { spcOids } from "./spc.ts";
import { type AuthenticodeFacts, verifySignature } from "./verify-signature.ts";

export interface VerifyMsixRequest {
  /** Absolute. */
  readonly file: string;
  /** DER of roots that a chain may end in; without any, no chain is called untrusted. */
  readonly trusted?: readonly Uint8Array[];
  readonly now?: Date;
}

export interface VerifiedMsix {
  /** Empty where everything holds. */
  readonly problems: readonly Problem[];
  /** Undefined where there is none, or it cannot be read. */
  readonly signature: AuthenticodeFacts | undefined;
}

const MAX_SIGNATURE_BYTES = 1 << 20;

/** Never throws for what is in the file; only for one that cannot be opened. */
export async function verifyMsix(request: VerifyMsixRequest): Promise<VerifiedMsix> {
  const problems: Problem[] = [];
  try {
    return await withFileRange(request.file, async (range) => {
      const file = await openMsix(range);
      if (file.signature === undefined) {
        problems.push(problem("MSIX_UNSIGNED", "the package is not signed", "erth sign, or let the Store sign it"));
        return { problems, signature: undefined };
      }
      if (file.signature.bytes > MAX_SIGNATURE_BYTES) {
        problems.push(problem("MSIX_SIGNATURE", `its signature has ${file.signature.bytes} bytes`));
        return { problems, signature: undefined };
      }
      const p7x = Buffer.concat(await Array.fromAsync(readZipData(range, file.signature)));
      if (p7x.toString("latin1", 0, P7X_MAGIC.length) !== P7X_MAGIC) {
        problems.push(problem("MSIX_SIGNATURE", `its signature does not begin with ${P7X_MAGIC}`));
        return { problems, signature: undefined };
      }
      const signature = parseSignature(p7x.subarray(P7X_MAGIC.length));
      problems.push(...(await digestProblems(signature, (name) => msixDigests(range, file, name))));
      const trusted = (request.trusted ?? []).map((der) => parseCertificate(der));
      // The digests are several, and each was compared above.
      const subject = { dataOid: spcOids.sipInfo, what: "app package", digest: () => signature.indirect.digest };
      const verified = verifySignature(signature, "0", subject, { trusted, now: request.now ?? new Date() });
      problems.push(...verified.problems);
      const [leaf] = verified.facts.chain;
      const publisher = publisherOf((await readPart(range, file, MANIFEST_NAME)).toString("utf8"));
      if (leaf && windowsName(leaf.subject) !== publisher) {
        const subjectName = windowsName(leaf.subject);
        const what = `its publisher is ${publisher}, and its certificate's subject ${subjectName}`;
        problems.push(problem("MSIX_PUBLISHER", what, "set package.msix.publisher to the subject, then erth package"));
      }
      return { problems, signature: verified.facts };
    });
  } catch (cause) {
    if (!(cause instanceof ErthError)) throw cause;
    problems.push({ code: cause.code, message: cause.message, remedy: cause.remedy });
    return { problems, signature: undefined };
  }
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
    return [problem("MSIX_DIGEST", `${MSIX_DIGESTS[digest]} (${digest}) was changed after it was signed`)];
  });
}

function problem(code: string, what: string, remedy = "make and sign it again: erth package, erth sign"): Problem {
  return { code, message: `${what.charAt(0).toUpperCase()}${what.slice(1)}.`, remedy };
}
