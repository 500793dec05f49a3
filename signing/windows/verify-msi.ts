/**
 * Checks a signed Windows Installer file: its structure, what might hide in
 * it, the digest of its streams and every signature. Reads only; gathers all
 * problems.
 */
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import {
  type CompoundEntry,
  type CompoundFile,
  readCompoundFile,
  readStream,
} from "../../build/formats/compound-file.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { parseDer } from "../cms/der.ts";
import type { DigestName } from "./authenticode.ts";
import { digestNameOf } from "./digest-name.ts";
import { MSI_SIGNATURE, msiDigests, msiMetadataDigest } from "./msi-digest.ts";
import { msiKind, notMsi } from "./msi-kind.ts";
import { readSignatures } from "./read-signature.ts";
import { spcOids } from "./spc.ts";
import { type AuthenticodeFacts, verifySignature, type VerifySettings } from "./verify-signature.ts";

export interface VerifiedMsi {
  readonly problems: readonly Problem[];
  /** The outer one, and those nested in it; those that can be read. */
  readonly signatures: readonly AuthenticodeFacts[];
  /** "installer", "patch" or "transform"; undefined for no such file. */
  readonly kind: string | undefined;
  /** Whether names, sizes and times are signed as well as content. */
  readonly isExtended: boolean;
}

export const MAX_SIGNATURE_BYTES = 16 << 20;
const START_OVER = "start from the unsigned installer, then: erth sign";

/** Never throws for what is in the file; only for one that cannot be read, and when told to stop. */
export async function verifyMsi(path: string, settings: VerifySettings, signal?: AbortSignal): Promise<VerifiedMsi> {
  const problems: Problem[] = [];
  try {
    return await withFileRange(path, async (range) => {
      const file = await readCompoundFile(range);
      const kind = msiKind(file);
      if (kind === undefined) problems.push(notMsi(file));
      problems.push(...(await strayProblems(range, file)));
      return { kind, ...(await signatureFindings(file, settings, problems, signal)) };
    });
  } catch (cause) {
    if (!(cause instanceof ErthError)) throw cause;
    problems.push({ code: cause.code, message: cause.message, remedy: cause.remedy });
    return { problems, signatures: [], kind: undefined, isExtended: false };
  }
}

async function signatureFindings(
  file: CompoundFile,
  settings: VerifySettings,
  problems: Problem[],
  signal: AbortSignal | undefined,
): Promise<Omit<VerifiedMsi, "kind">> {
  const report = (code: string, message: string, remedy = START_OVER): void =>
    void problems.push({ code, message, remedy });
  const streamNamed = (name: string): CompoundEntry | undefined =>
    file.root.children.find((child) => child.kind === "stream" && child.name === name);
  const stream = streamNamed(MSI_SIGNATURE.signature);
  const extendedStream = streamNamed(MSI_SIGNATURE.extended);
  const isExtended = extendedStream !== undefined;
  if (stream === undefined) {
    if (isExtended) report("MSI_EXTENDED", "It has an extended signature without the signature itself.");
    report("MSI_UNSIGNED", "The installer is not signed.", "erth sign");
    return { problems, signatures: [], isExtended };
  }
  const content = await readStream(file, stream, MAX_SIGNATURE_BYTES);
  const hidden = hiddenBytes(content);
  if (hidden > 0) report("MSI_HIDDEN", `${hidden} bytes are hidden behind the signature.`);
  const { found, problems: unreadable } = readSignatures([content]);
  problems.push(...unreadable);

  const names = new Set(found.flatMap(({ signature }) => digestNameOf(signature.indirect.digestOid) ?? []));
  const extended = extendedStream && (await readStream(file, extendedStream, MAX_SIGNATURE_BYTES));
  if (extended !== undefined) {
    const holds = Array.from(names).some((name) => isMetadataDigest(file.root, name, extended));
    if (!holds) report("MSI_EXTENDED", "Names, sizes or times differ from the digest in MsiDigitalSignatureEx.");
  }
  const digests = await msiDigests(file, Array.from(names), extended, signal);
  const digest = (name: DigestName): Uint8Array => {
    const known = digests.get(name);
    if (known === undefined) throw new Error(`${name} was not asked for`);
    return known;
  };
  const signatures: AuthenticodeFacts[] = [];
  for (const { index, signature } of found) {
    const subject = { dataOid: spcOids.sipInfo, what: "installer", digest };
    const verified = verifySignature(signature, index, subject, settings);
    problems.push(...verified.problems);
    signatures.push(verified.facts);
  }
  return { problems, signatures, isExtended };
}

function isMetadataDigest(root: CompoundEntry, name: DigestName, stored: Uint8Array): boolean {
  return Buffer.compare(msiMetadataDigest(root, name), stored) === 0;
}

/** No signature covers what belongs to no stream: scripts and archives have been appended to signed installers. */
async function strayProblems(range: ByteRange, file: CompoundFile): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const report = (message: string): void => void problems.push({ code: "MSI_HIDDEN", message, remedy: START_OVER });
  let stray = 0;
  for (let at = file.usedBytes; at < range.size; at += 1 << 20) {
    const piece = await range.read(at, Math.min(1 << 20, range.size - at));
    if (piece.some((byte) => byte !== 0)) stray += piece.length;
  }
  if (stray > 0) report(`${range.size - file.usedBytes} bytes follow the last stream, and no signature covers them.`);
  if (file.lostSectors > 0) report(`${file.lostSectors} sectors are in use and belong to no stream.`);
  return problems;
}

function hiddenBytes(content: Uint8Array): number {
  try {
    return content.length - parseDer(content, { ber: true, allowTrailing: true }).end;
  } catch (cause) {
    // `readSignatures` says what is wrong with it.
    if (cause instanceof ErthError) return 0;
    throw cause;
  }
}
