/**
 * Signs an app package of Windows: the parts are copied, the list of types
 * learns of the signature's, and `AppxSignature.p7x` comes last. Memory does
 * not grow with the package. An old signature is replaced.
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { crc32, deflateRawSync } from "node:zlib";
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import { BLOCK_MAP_NAME, MANIFEST_NAME, SIGNATURE_NAME, SIGNATURE_TYPE } from "../../build/formats/msix.ts";
import { addContentType, CONTENT_TYPES_NAME } from "../../build/formats/opc.ts";
import { appendRange, fileSink, type Sink } from "../../build/formats/sink.ts";
import {
  encodeDirectoryRecord,
  encodeLocalHeader,
  ZIP_DEFLATED,
  type ZipEntryFacts,
} from "../../build/formats/zip-records.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { parseCertificate } from "../cms/certificate.ts";
import { createSignedData } from "../cms/signed-data.ts";
import { authenticodeRequest, type AuthenticodeSettings, opusInfoOf } from "./authenticode-request.ts";
import { replaceFile } from "./image-file.ts";
import { parseIdentity } from "./msix-identity.ts";
import {
  type DirectoryPlace,
  encodeDigests,
  foreign,
  hashRange,
  type MsixDigests,
  type MsixPackage,
  openMsix,
  P7X_MAGIC,
  patchEnd,
  readPart,
} from "./msix-package.ts";
import { windowsName } from "./publisher-name.ts";
import { encodeMsixIndirectData } from "./spc.ts";

export interface SignMsixRequest extends AuthenticodeSettings {
  /** Absolute paths; they may be the same. */
  readonly input: string;
  readonly output: string;
}

export interface SignedMsix {
  readonly earlier: "none" | "replaced";
  readonly isTimestamped: boolean;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
}

/**
 * Writes the signed package to `output`, whole or not at all. Throws
 * `MSIX_FOREIGN`, `MSIX_PUBLISHER` where the certificate is another's than the
 * manifest's publisher, and the `KEY_…` and `TIMESTAMP_…` errors of signing.
 */
export async function signMsix(request: SignMsixRequest): Promise<SignedMsix> {
  const { input, output, signer, signal } = request;
  const opusInfo = opusInfoOf(request);
  const { mode } = await stat(input);
  return await withFileRange(input, async (range) => {
    const file = await openMsix(range);
    const types = file.records.at(-1);
    if (types?.name !== CONTENT_TYPES_NAME) throw foreign(`${CONTENT_TYPES_NAME} is not its last part`);
    const publisher = parseIdentity((await readPart(range, file, MANIFEST_NAME)).toString("utf8")).publisher;
    // Told before the key is asked, where its certificate is known before.
    requirePublisher(publisher, (await signer.certificates())?.[0]);

    const unsigned = await withSignatureType(range, file, types.offset);
    const digests = await digestsOf(range, file, unsigned);
    const hint = { file: input, kind: "msix" } as const;
    const indirectData = encodeMsixIndirectData(encodeDigests(digests));
    const signed = await createSignedData(authenticodeRequest(request, indirectData, opusInfo, hint));
    requirePublisher(publisher, signed.certificates[0]);
    const signature = part(SIGNATURE_NAME, Buffer.concat([Buffer.from(P7X_MAGIC, "latin1"), signed.der]));
    await replaceFile(output, mode, async (target) => {
      const sink = fileSink(target);
      await appendRange(sink, range, unsigned.typesOffset, signal);
      await sink.append(unsigned.types.local);
      const { offset } = sink;
      await sink.append(signature.local);
      const records = [...unsigned.records, encodeDirectoryRecord(signature.facts, offset)];
      await appendDirectory(sink, records, file.end);
    });
    return {
      earlier: file.signature === undefined ? "none" : "replaced",
      isTimestamped: request.timestampUrl !== null,
      certificates: signed.certificates,
    };
  });
}

interface Part {
  readonly facts: ZipEntryFacts;
  /** Local header and data. */
  readonly local: Buffer;
}

function part(name: string, content: Uint8Array): Part {
  const data = deflateRawSync(content, { level: 9 });
  const sizes = { bytes: content.length, compressedBytes: data.length };
  const facts = { name, method: ZIP_DEFLATED, crc32: crc32(content), ...sizes, mode: undefined } as const;
  return { facts, local: Buffer.concat([encodeLocalHeader(facts), data]) };
}

interface UnsignedPackage {
  readonly typesContent: Buffer;
  readonly types: Part;
  readonly typesOffset: number;
  /** The central directory's records, without the signature's. */
  readonly records: readonly Uint8Array[];
}

/** The package before its signature: its last part names the signature's type. */
async function withSignatureType(range: ByteRange, file: MsixPackage, typesOffset: number): Promise<UnsignedPackage> {
  const before = (await readPart(range, file, CONTENT_TYPES_NAME)).toString("utf8");
  const typesContent = Buffer.from(addContentType(before, SIGNATURE_NAME, SIGNATURE_TYPE));
  const types = part(CONTENT_TYPES_NAME, typesContent);
  const records = [...file.records.slice(0, -1).map(({ raw }) => raw), encodeDirectoryRecord(types.facts, typesOffset)];
  return { typesContent, types, typesOffset, records };
}

async function digestsOf(range: ByteRange, file: MsixPackage, unsigned: UnsignedPackage): Promise<MsixDigests> {
  const parts = createHash("sha256");
  await hashRange(parts, range, unsigned.typesOffset);
  const directory = Buffer.concat(unsigned.records);
  const place: DirectoryPlace = {
    offset: unsigned.typesOffset + unsigned.types.local.length,
    length: directory.length,
    count: unsigned.records.length,
  };
  const sha256 = (...bytes: readonly Uint8Array[]): Buffer =>
    bytes.reduce((hash, one) => hash.update(one), createHash("sha256")).digest();
  return new Map([
    ["AXPC", parts.update(unsigned.types.local).digest()],
    ["AXCD", sha256(directory, patchEnd(file.end, place))],
    ["AXCT", sha256(unsigned.typesContent)],
    ["AXBM", sha256(await readPart(range, file, BLOCK_MAP_NAME))],
  ]);
}

async function appendDirectory(sink: Sink, records: readonly Uint8Array[], end: Buffer): Promise<void> {
  const { offset } = sink;
  for (const record of records) await sink.append(record);
  await sink.append(patchEnd(end, { offset, length: sink.offset - offset, count: records.length }));
  await sink.flush();
}

/** Windows installs no package whose publisher is not its certificate's subject. */
export function publisherProblem(publisher: string, leaf: Uint8Array): Problem | undefined {
  const subject = windowsName(parseCertificate(leaf).subject);
  if (subject === publisher) return undefined;
  return {
    code: "MSIX_PUBLISHER",
    message: `The package's publisher is ${publisher}, and its certificate's subject ${subject}; Windows takes no package in which they differ.`,
    remedy: `write package: { msix: { publisher: ${JSON.stringify(subject)} } }, then erth package --format msix`,
  };
}

function requirePublisher(publisher: string, leaf: Uint8Array | undefined): void {
  const problem = leaf && publisherProblem(publisher, leaf);
  if (problem !== undefined) throw new ErthError(problem);
}
