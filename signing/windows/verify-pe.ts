/**
 * Checks a signed Windows program without Windows: headers, checksum, the
 * certificate table and what might hide around it, and every signature, nested
 * ones included. Reads only; gathers all problems.
 */
import type { FileHandle } from "node:fs/promises";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { parseCertificate } from "../cms/certificate.ts";
import { parseDer } from "../cms/der.ts";
import { imageDigest, layoutFaults } from "./authenticode.ts";
import { certificateTablePlace, parseCertificateTable, TABLE_ALIGNMENT } from "./certificate-table.ts";
import { digestNameOf } from "./digest-name.ts";
import { forEachPiece, openPe, readBytes, readPe } from "./image-file.ts";
import { parsePageHashes, wrongPages } from "./page-hashes.ts";
import type { Pe } from "./pe.ts";
import { type AuthenticodeSignature, readSignatures } from "./read-signature.ts";
import { spcOids } from "./spc.ts";
import { type AuthenticodeFacts, type SignedFile, verifySignature, type VerifySettings } from "./verify-signature.ts";

export interface VerifyPeRequest {
  /** Absolute. */
  readonly file: string;
  /** DER certificates of roots that a chain may end in; without any, no chain is called untrusted. */
  readonly trusted?: readonly Uint8Array[];
  /** The time at which certificates are judged where no timestamp says one. */
  readonly now?: Date;
  readonly signal?: AbortSignal;
}

export interface VerifiedPe {
  /** Empty for a file whose signatures all hold. */
  readonly problems: readonly Problem[];
  /** The outer ones in order, each followed by those nested in it; those that can be read. */
  readonly signatures: readonly AuthenticodeFacts[];
}

const MAX_NAMED_PAGES = 5;
const START_OVER = "start from the unsigned file, then: erth sign";

/** Never throws for what is in the file; only for a file or root that cannot be read, and when told to stop. */
export async function verifyPe(request: VerifyPeRequest): Promise<VerifiedPe> {
  const { file: path, signal } = request;
  const trusted = (request.trusted ?? []).map((der) => parseCertificate(der));
  const settings: VerifySettings = { trusted, now: request.now ?? new Date() };
  const problems: Problem[] = [];
  const signatures: AuthenticodeFacts[] = [];
  const report = (code: string, what: string, remedy = START_OVER): void => {
    problems.push({ code, message: `${what.charAt(0).toUpperCase()}${what.slice(1)}.`, remedy });
  };
  const file = await openPe(path);
  try {
    const pe = await readPe(file);
    const { place, faults } = certificateTablePlace(pe);
    for (const fault of faults) report("PE_CERTIFICATE_TABLE", fault);
    if (!place) {
      if (faults.length === 0) report("PE_UNSIGNED", "the program is not signed", "erth sign");
      return { problems, signatures };
    }
    const bytes = await readBytes(file, place.offset, place.length);
    const table = parseCertificateTable(bytes);
    for (const fault of table.faults) report("PE_CERTIFICATE_TABLE", fault);

    const contents = table.entries.map(({ content }) => content);
    for (const [index, content] of contents.entries()) {
      const hidden = hiddenBytes(content);
      if (hidden >= TABLE_ALIGNMENT)
        report("PE_CERTIFICATE_TABLE", `${hidden} bytes are hidden behind signature ${index}`);
    }
    const { found, problems: unreadable } = readSignatures(contents);
    problems.push(...unreadable);

    const names = new Set(found.flatMap(({ signature }) => digestNameOf(signature.indirect.digestOid) ?? []));
    const image = imageDigest(pe, [...names]);
    await forEachPiece(file, { offset: 0, length: place.offset }, (piece) => image.update(piece), signal);
    const checksum = image.checksum({ offset: place.offset, bytes });
    const isWholeFile = place.offset + place.length === pe.fileBytes;
    if (isWholeFile && checksum !== pe.checksum) {
      report("PE_CHECKSUM", `the checksum is 0x${pe.checksum.toString(16)}, it should be 0x${checksum.toString(16)}`);
    }
    const subject: SignedFile = { dataOid: spcOids.peImageData, what: "program", digest: image.digest };
    for (const { index, signature } of found) {
      const verified = verifySignature(signature, index, subject, settings);
      problems.push(...verified.problems, ...(await pageProblems(file, pe, signature, index, signal)));
      signatures.push(verified.facts);
    }
    if (problems.some(({ code }) => code === "AUTHENTICODE_DIGEST")) {
      for (const fault of layoutFaults(pe)) report("PE_LAYOUT", fault);
    }
  } catch (cause) {
    if (!(cause instanceof ErthError)) throw cause;
    problems.push({ code: cause.code, message: cause.message, remedy: cause.remedy });
  } finally {
    await file.close();
  }
  return { problems, signatures };
}

/** Whether the hashes of single pages, where a signature has them, are those of this file. */
async function pageProblems(
  file: FileHandle,
  pe: Pe,
  { indirect }: AuthenticodeSignature,
  index: string,
  signal: AbortSignal | undefined,
): Promise<readonly Problem[]> {
  const report = (code: string, what: string, remedy = START_OVER): readonly Problem[] => [
    { code, message: `Signature ${index}: ${what}.`, remedy },
  ];
  try {
    const hashes = parsePageHashes(indirect.value);
    if (hashes === undefined) return [];
    const wrong = await wrongPages(file, pe, hashes, signal);
    if (wrong === undefined) return report("AUTHENTICODE_PAGE_HASH", "its page hashes are of another file");
    const named = wrong.slice(0, MAX_NAMED_PAGES).map((offset) => `0x${offset.toString(16)}`);
    const more = wrong.length > named.length ? " and more" : "";
    if (named.length === 0) return [];
    return report(
      "AUTHENTICODE_PAGE_HASH",
      `${wrong.length} pages differ from their hashes, at ${named.join(", ")}${more}`,
    );
  } catch (cause) {
    if (!(cause instanceof ErthError)) throw cause;
    return [{ code: cause.code, message: `Signature ${index}: ${cause.message}`, remedy: cause.remedy }];
  }
}

/** How many bytes of an entry its signature does not reach; up to seven are alignment. */
function hiddenBytes(content: Uint8Array): number {
  try {
    return content.length - parseDer(content, { ber: true, allowTrailing: true }).end;
  } catch (cause) {
    // `readSignatures` says what is wrong with it.
    if (cause instanceof ErthError) return 0;
    throw cause;
  }
}
