/**
 * Signatures inside RPM packages, as `rpmsign` of rpm 4.14 and later writes
 * them: OpenPGP over the main header, which has the payload's digest; the
 * packet lies in the header of signatures, under a tag by the kind of key.
 */
import { withFileRange } from "../../build/formats/byte-range.ts";
import { writeExtents } from "../../build/formats/extent.ts";
import type { RpmValue } from "../../build/formats/rpm-header.ts";
import { type RpmHeader, readRpm } from "../../build/formats/rpm-reader.ts";
import { RPMSIGTAG } from "../../build/formats/rpm-tags.ts";
import { encodeSignatures } from "../../build/formats/rpm.ts";
import type { OpenPgpKey } from "./openpgp-key.ts";
import { OPENPGP_ALGORITHMS } from "./openpgp-packet.ts";
import { signOpenPgp } from "./openpgp.ts";

export interface RpmSigning {
  /** The package, signed or not; stays as it is. */
  readonly input: string;
  /** Does not exist yet. */
  readonly output: string;
  readonly key: OpenPgpKey;
  /** To the second. */
  readonly at: Date;
  readonly signal: AbortSignal;
}

/** Writes the package once more with this signature and no other. Throws `RPM_DAMAGED`. */
export async function signRpm({ input, output, key, at, signal }: RpmSigning): Promise<void> {
  const { file, header, size } = await withFileRange(input, async (range) => {
    const file = await readRpm(range);
    return { file, header: await range.read(file.main.offset, file.main.size), size: range.size };
  });
  const signature = await signOpenPgp(once(header), key, at);
  const isRsa = OPENPGP_ALGORITHMS[key.signing.algorithm] === "rsa";
  const tags = new Map<number, RpmValue>([
    ...digestsAndSizes(file.signature),
    [isRsa ? RPMSIGTAG.RSA : RPMSIGTAG.DSA, { type: "binary", value: signature }],
  ]);
  const start = file.main.offset;
  await writeExtents(
    output,
    [
      { file: input, offset: 0, length: file.signature.offset },
      { bytes: encodeSignatures(tags) },
      { file: input, offset: start, length: size - start },
    ],
    signal,
  );
}

/** What stays of the old header of signatures: all that a signature does not change. */
function digestsAndSizes(header: RpmHeader): readonly (readonly [number, RpmValue])[] {
  const kept: (readonly [number, RpmValue])[] = [];
  for (const tag of [RPMSIGTAG.SIZE, RPMSIGTAG.PAYLOADSIZE]) {
    const value = header.numbers(tag);
    if (value.length > 0) kept.push([tag, { type: "int32", value }]);
  }
  for (const tag of [RPMSIGTAG.LONGSIZE, RPMSIGTAG.LONGARCHIVESIZE]) {
    const value = header.numbers(tag).map(BigInt);
    if (value.length > 0) kept.push([tag, { type: "int64", value }]);
  }
  for (const tag of [RPMSIGTAG.SHA1, RPMSIGTAG.SHA256]) {
    const [value] = header.strings(tag);
    if (value !== undefined) kept.push([tag, { type: "string", value }]);
  }
  const md5 = header.binary(RPMSIGTAG.MD5);
  if (md5 !== undefined) kept.push([RPMSIGTAG.MD5, { type: "binary", value: md5 }]);
  return kept;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
