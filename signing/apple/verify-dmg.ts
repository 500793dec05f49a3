/**
 * Checks a disk image (UDIF): trailer, checksum of its data, and its code
 * signature with one hash over all of it. Nothing is shared with the code that
 * signs images but the parsers. Every problem is listed, not the first.
 */
import { crc32 } from "node:zlib";
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import type { Problem } from "../../runtime/base/errors.ts";
import { codeProblem, collect, collecting } from "./code-problem.ts";
import { decodeSignature, type DecodedSignature } from "./decode-signature.ts";
import { isDeveloperIdApplication } from "./signing-identity.ts";
import { blobContent, SLOT } from "./super-blob.ts";
import { ticketFault } from "./notary/ticket.ts";
import { type DiskImage, kolyWithSignature, readDiskImage } from "./udif.ts";
import { blobProblems, directoryProblems, slotProblems } from "./verify-directory.ts";
import type { VerifyCodeOptions } from "./verify-mach-o.ts";
import { verifyPages } from "./verify-pages.ts";
import { type SignerFindings, verifySignerOf } from "./verify-signature.ts";

export interface VerifiedDmg extends Partial<SignerFindings> {
  readonly problems: readonly Problem[];
  readonly image: DiskImage | undefined;
  readonly signature: DecodedSignature | undefined;
  /** What the trailer says of the data fork's CRC-32; undefined where it says none. */
  readonly dataChecksum: "right" | "wrong" | undefined;
  /** The stapled ticket. */
  readonly ticket: Uint8Array | undefined;
}

const PIECE_BYTES = 4 << 20;
const CHECKSUM_CRC32 = 2;

/** Every problem of the image's signature and structure. Throws only where the file cannot be read. */
export async function inspectDmg(path: string, options: VerifyCodeOptions = {}): Promise<VerifiedDmg> {
  const problems: Problem[] = [];
  const nothing = { problems, image: undefined, signature: undefined, dataChecksum: undefined, ticket: undefined };
  return await withFileRange(path, async (range) => {
    const image = await collecting(problems, () => readDiskImage(range));
    if (image === undefined) return nothing;
    const dataChecksum = await dataChecksumOf(range, image.koly);
    if (dataChecksum === "wrong") {
      problems.push(dmgProblem("Its data differs from the checksum in its trailer."));
    }
    const bytes = image.signature;
    const signature = bytes && collect(problems, () => decodeSignature(bytes));
    const known = { ...nothing, image, signature, dataChecksum };
    if (bytes === undefined) problems.push(codeProblem("CODESIGN_MISSING", "It has no code signature."));
    if (signature === undefined) return known;
    const signer = await verifySignature(range, image, signature, options, problems);
    return { ...known, ...signer, ticket: ticketOf(signature, problems) };
  });
}

async function verifySignature(
  range: ByteRange,
  { dataBytes, koly }: DiskImage,
  signature: DecodedSignature,
  options: VerifyCodeOptions,
  problems: Problem[],
): Promise<SignerFindings> {
  problems.push(...blobProblems(signature, true));
  if (signature.directory.codeLimit !== dataBytes) {
    const message = `The signature covers ${signature.directory.codeLimit} bytes, and lies at ${dataBytes}.`;
    problems.push(codeProblem("CODESIGN_CODE_LIMIT", message));
  }
  // The length of the signature was not known when the trailer was hashed.
  const diskImageTrailer = kolyWithSignature(koly, dataBytes, 0);
  for (const directory of signature.directories) {
    problems.push(...directoryProblems(directory, signature));
    problems.push(...(await verifyPages(range, directory)));
    problems.push(...slotProblems(directory, signature, { diskImageTrailer }));
  }
  const signer = verifySignerOf(signature, options, problems);
  if (options.policy === "notarizable") problems.push(...policyProblems(signer));
  return signer;
}

/** What Apple's notary asks of an image itself; what is inside is asked for by itself. */
function policyProblems({ cms }: SignerFindings): readonly Problem[] {
  const [leaf] = cms?.chain ?? [];
  if (leaf === undefined || !isDeveloperIdApplication(leaf)) {
    const message = "It is not signed with a Developer ID Application certificate.";
    const remedy = "set signing.apple to such a key, then: erth doctor signing && erth sign";
    return [{ code: "NOTARY_CERTIFICATE", message, remedy }];
  }
  if (cms?.timestamp !== undefined) return [];
  const remedy = "set signing.apple.timestamp, then: erth sign";
  return [{ code: "NOTARY_TIMESTAMP", message: "Its signature has no valid timestamp.", remedy }];
}

/** `UDIFChecksum` at 80: kind, size in bits, value. */
async function dataChecksumOf(range: ByteRange, koly: Uint8Array): Promise<VerifiedDmg["dataChecksum"]> {
  const view = new DataView(koly.buffer, koly.byteOffset, koly.byteLength);
  if (view.getUint32(80) !== CHECKSUM_CRC32 || view.getUint32(84) !== 32) return undefined;
  const [offset, length] = [Number(view.getBigUint64(24)), Number(view.getBigUint64(32))];
  let value = 0;
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, length));
  for (let at = 0; at < length; at += PIECE_BYTES) {
    value = crc32(await range.read(offset + at, Math.min(PIECE_BYTES, length - at), buffer), value);
  }
  return value === view.getUint32(88) ? "right" : "wrong";
}

function ticketOf({ blobs }: DecodedSignature, problems: Problem[]): Uint8Array | undefined {
  const blob = blobs.find(({ slot }) => slot === SLOT.ticket);
  if (blob === undefined) return undefined;
  const ticket = blobContent(blob.bytes);
  const fault = ticketFault(ticket);
  if (fault !== undefined) problems.push(ticketProblem(fault));
  return ticket;
}

/** A ticket that macOS would not take. */
export function ticketProblem(fault: string): Problem {
  return {
    code: "TICKET_DAMAGED",
    message: `Its notarization ticket is damaged: ${fault}.`,
    remedy: "staple it again: erth staple",
  };
}

function dmgProblem(message: string): Problem {
  return { code: "DMG_CHECKSUM", message, remedy: "make it again: erth package" };
}
