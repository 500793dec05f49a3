/**
 * The code signature of a disk image, as `codesign` writes it: a CodeDirectory
 * with one hash over all of the data and one, in slot 6, over the trailer;
 * then requirements and CMS, between data and trailer.
 */
import { createHash } from "node:crypto";
import { ErthError } from "../../runtime/base/errors.ts";
import { type AppleCmsRequest, createAppleCms } from "./apple-cms.ts";
import { withFileRange } from "../../build/formats/byte-range.ts";
import { CODE_FLAG } from "./code-directory.ts";
import { sha256OfFile, writeDerivedFile } from "./derived-file.ts";
import {
  CMS_WRAPPER_MAGIC,
  CODE_DIRECTORY_MAGIC,
  encodeBlob,
  encodeSuperBlob,
  REQUIREMENTS_MAGIC,
  SLOT,
} from "./super-blob.ts";
import { kolyWithSignature, readDiskImage } from "./udif.ts";

export interface SignDmgRequest {
  readonly path: string;
  /** A new file; an old signature in `path` is left out of it. */
  readonly output: string;
  /** `Notes-1.4.0`; `codesign` takes the file's name without its extension. */
  readonly identifier: string;
  readonly teamId?: string | undefined;
  /** The whole Requirements blob; an empty one by default. */
  readonly requirements?: Uint8Array | undefined;
  /** Without it the signature is ad hoc, and Apple notarizes nothing. */
  readonly signing?: Omit<AppleCmsRequest, "codeDirectory"> | undefined;
}

const HASH_BYTES = 32;
const HASH_TYPE_SHA256 = 2;
const VERSION_SCATTER = 0x20100;
const VERSION_TEAM = 0x20200;
const VERSION_LIMIT_64 = 0x20300;
const HEADER_BYTES: Readonly<Record<number, number>> = {
  [VERSION_SCATTER]: 48,
  [VERSION_TEAM]: 52,
  [VERSION_LIMIT_64]: 64,
};
const MAX_LIMIT_32 = 0xffffffff;
const EMPTY_REQUIREMENTS = encodeBlob(REQUIREMENTS_MAGIC, new Uint8Array(4));

/** Signs a disk image into a new file and returns its CodeDirectory. Throws `DMG_DAMAGED`, `DMG_IDENTIFIER`, and the `KEY_…` and `TIMESTAMP_…` errors of signing. */
export async function signDmg(request: SignDmgRequest): Promise<Uint8Array> {
  const { path, output, signing, requirements = EMPTY_REQUIREMENTS } = request;
  requireIdentifier(request.identifier);
  const { dataBytes, koly } = await withFileRange(path, readDiskImage);
  const codeDirectory = encodeDmgCodeDirectory({
    identifier: request.identifier,
    teamId: request.teamId,
    flags: signing === undefined ? CODE_FLAG.adhoc : 0,
    codeLimit: dataBytes,
    codeHash: await sha256OfFile(path, 0, dataBytes),
    requirementsHash: sha256(requirements),
    trailerHash: sha256(kolyWithSignature(koly, dataBytes, 0)),
  });
  const cms = signing === undefined ? new Uint8Array() : (await createAppleCms({ ...signing, codeDirectory })).der;
  const signature = encodeSuperBlob([
    { slot: SLOT.codeDirectory, bytes: codeDirectory },
    { slot: SLOT.requirements, bytes: requirements },
    { slot: SLOT.cms, bytes: encodeBlob(CMS_WRAPPER_MAGIC, cms) },
  ]);
  await writeDmg(path, output, dataBytes, koly, signature);
  return codeDirectory;
}

/** Writes a disk image's data, this signature and the trailer that names it. */
export async function writeDmg(
  source: string,
  output: string,
  dataBytes: number,
  koly: Uint8Array,
  signature: Uint8Array,
): Promise<void> {
  await writeDerivedFile(output, source, async (file) => {
    await file.appendSource(0, dataBytes);
    await file.append(signature);
    await file.append(kolyWithSignature(koly, dataBytes, signature.length));
  });
}

interface DmgCodeDirectoryFacts {
  readonly identifier: string;
  readonly teamId: string | undefined;
  readonly flags: number;
  readonly codeLimit: number;
  readonly codeHash: Uint8Array;
  readonly requirementsHash: Uint8Array;
  /** Over the trailer with the signature's offset, and length 0. */
  readonly trailerHash: Uint8Array;
}

/** The oldest version that can say it all, as Apple's own builder chooses. The page size is 0: the data is one page. */
export function encodeDmgCodeDirectory(facts: DmgCodeDirectoryFacts): Uint8Array {
  const { codeLimit, teamId } = facts;
  const isLong = codeLimit > MAX_LIMIT_32;
  const version = isLong ? VERSION_LIMIT_64 : teamId === undefined ? VERSION_SCATTER : VERSION_TEAM;
  const identifierOffset = HEADER_BYTES[version] ?? 0;
  const identifier = Buffer.from(`${facts.identifier}\0`);
  const team = Buffer.from(teamId === undefined ? "" : `${teamId}\0`);
  const hashOffset = identifierOffset + identifier.length + team.length + SLOT.diskImageTrailer * HASH_BYTES;
  const blob = new Uint8Array(hashOffset + HASH_BYTES);
  const view = new DataView(blob.buffer);
  const words: readonly (readonly [offset: number, value: number])[] = [
    [0, CODE_DIRECTORY_MAGIC],
    [4, blob.length],
    [8, version],
    [12, facts.flags],
    [16, hashOffset],
    [20, identifierOffset],
    [24, SLOT.diskImageTrailer],
    [28, 1],
    [32, isLong ? MAX_LIMIT_32 : codeLimit],
  ];
  for (const [offset, value] of words) view.setUint32(offset, value);
  view.setUint8(36, HASH_BYTES);
  view.setUint8(37, HASH_TYPE_SHA256);
  if (teamId !== undefined) view.setUint32(48, identifierOffset + identifier.length);
  if (isLong) view.setBigUint64(56, BigInt(codeLimit));
  blob.set(identifier, identifierOffset);
  blob.set(team, identifierOffset + identifier.length);
  blob.set(facts.requirementsHash, hashOffset - SLOT.requirements * HASH_BYTES);
  blob.set(facts.trailerHash, hashOffset - SLOT.diskImageTrailer * HASH_BYTES);
  blob.set(facts.codeHash, hashOffset);
  return blob;
}

function requireIdentifier(identifier: string): void {
  if (identifier !== "" && !/[\0/]/.test(identifier) && identifier.length <= 255) return;
  throw new ErthError({
    code: "DMG_IDENTIFIER",
    message: `a disk image cannot be signed as ${JSON.stringify(identifier)}: an identifier has 1 to 255 characters without "/".`,
    remedy: "set identifier in erth.config.ts, then erth sign",
  });
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
