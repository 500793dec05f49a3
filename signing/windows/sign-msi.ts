/**
 * Signs a Windows Installer file: digests, one CMS signature, and the file
 * written again with the signature's streams in its root. Every other stream
 * and storage keeps its content, class id and times. Memory does not grow with
 * the file.
 */
import { stat } from "node:fs/promises";
import { withFileRange } from "../../build/formats/byte-range.ts";
import { type CompoundEntry, type CompoundFile, readCompoundFile } from "../../build/formats/compound-file.ts";
import { writeCompoundFile } from "../../build/formats/compound-file-writer.ts";
import { createSignedData } from "../cms/signed-data.ts";
import { authenticodeRequest, type AuthenticodeSettings, opusInfoOf } from "./authenticode-request.ts";
import { replaceFile } from "./image-file.ts";
import { MSI_SIGNATURE, msiDigests, msiMetadataDigest } from "./msi-digest.ts";
import { requireMsi } from "./msi-kind.ts";
import { encodeMsiIndirectData } from "./spc.ts";

export interface SignMsiRequest extends AuthenticodeSettings {
  /** Absolute paths; they may be the same. An old signature is replaced. */
  readonly input: string;
  readonly output: string;
  /** Signs names, sizes and times as well (default); without it, only content is signed. */
  readonly extended?: boolean;
}

export interface SignedMsi {
  /** SHA-256, hex. */
  readonly digest: string;
  readonly earlier: "none" | "replaced";
  readonly isTimestamped: boolean;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
}

/** Writes the signed installer to `output`, whole or not at all. Throws `COMPOUND_…`, `MSI_NOT_MSI`, and the `KEY_…` and `TIMESTAMP_…` errors of signing. */
export async function signMsi(request: SignMsiRequest): Promise<SignedMsi> {
  const { input, output, extended = true, signal } = request;
  const opusInfo = opusInfoOf(request);
  const { mode } = await stat(input);
  return await withFileRange(input, async (range) => {
    const file = await readCompoundFile(range);
    requireMsi(file);
    const metadata = extended ? msiMetadataDigest(file.root, "sha256") : undefined;
    const sha256 = (await msiDigests(file, ["sha256"], metadata, signal)).get("sha256") ?? new Uint8Array();
    const hint = { file: input, kind: "msi" } as const;
    const signed = await createSignedData(authenticodeRequest(request, encodeMsiIndirectData(sha256), opusInfo, hint));
    await replaceFile(output, mode, async (target) => {
      await writeSigned(file, { signature: signed.der, extended: metadata }, (bytes) => target.writeFile(bytes));
      signal?.throwIfAborted();
    });
    const isSigned = file.root.children.some(({ name }) => name === MSI_SIGNATURE.signature);
    return {
      digest: Buffer.from(sha256).toString("hex"),
      earlier: isSigned ? "replaced" : "none",
      isTimestamped: request.timestampUrl !== null,
      certificates: signed.certificates,
    };
  });
}

async function writeSigned(
  file: CompoundFile,
  { signature, extended }: { readonly signature: Uint8Array; readonly extended: Uint8Array | undefined },
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const added = new Map<CompoundEntry, Uint8Array>([[newStream(MSI_SIGNATURE.signature, signature), signature]]);
  if (extended !== undefined) added.set(newStream(MSI_SIGNATURE.extended, extended), extended);
  const names: readonly string[] = Object.values(MSI_SIGNATURE);
  const kept = file.root.children.filter(({ name }) => !names.includes(name));
  await writeCompoundFile(
    { ...file.root, children: [...kept, ...added.keys()] },
    {
      sectorBytes: file.sectorBytes,
      write,
      async *content(stream) {
        const bytes = added.get(stream);
        if (bytes === undefined) yield* file.pieces(stream);
        else yield bytes;
      },
    },
  );
}

function newStream(name: string, content: Uint8Array): CompoundEntry {
  return {
    kind: "stream",
    name,
    nameBytes: Buffer.from(name, "utf16le"),
    classId: new Uint8Array(16),
    stateBits: new Uint8Array(4),
    createdAt: new Uint8Array(8),
    modifiedAt: new Uint8Array(8),
    bytes: content.length,
    children: [],
  };
}
