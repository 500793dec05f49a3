/**
 * The Authenticode digest of a Windows Installer file (`.msi`): the content of
 * every stream in the order of their names, each storage ending with its class
 * id. The extended signature puts a second digest before that, over names,
 * sizes, class ids and times. No document of Microsoft's says so; this is what
 * signtool's files have, and what osslsigncode and jsign compute.
 */
import { createHash } from "node:crypto";
import type { CompoundEntry, CompoundFile } from "../../build/formats/compound-file.ts";
import type { DigestName } from "./authenticode.ts";

/** The streams of the root that hold a signature, and are not signed. */
export const MSI_SIGNATURE = { signature: "\u0005DigitalSignature", extended: "\u0005MsiDigitalSignatureEx" } as const;

/** The digest with each of these algorithms, the file read once. `extended` is what the extended stream holds. */
export async function msiDigests(
  file: CompoundFile,
  names: readonly DigestName[],
  extended: Uint8Array | undefined,
  signal?: AbortSignal,
): Promise<ReadonlyMap<DigestName, Uint8Array>> {
  const hashes = names.map((name) => [name, createHash(name)] as const);
  const update = (bytes: Uint8Array): void => hashes.forEach(([, hash]) => void hash.update(bytes));
  if (extended !== undefined) update(extended);
  const visit = async (storage: CompoundEntry): Promise<void> => {
    for (const child of signedChildren(storage)) {
      if (child.kind === "storage") await visit(child);
      else {
        for await (const piece of file.pieces(child)) {
          signal?.throwIfAborted();
          update(piece);
        }
      }
    }
    update(storage.classId);
  };
  await visit(file.root);
  return new Map(hashes.map(([name, hash]) => [name, hash.digest()]));
}

/** What the extended stream holds: the digest of everything but content. */
export function msiMetadataDigest(root: CompoundEntry, name: DigestName): Uint8Array {
  const hash = createHash(name);
  const update = (entry: CompoundEntry): void => {
    if (entry.kind !== "root") hash.update(entry.nameBytes);
    hash.update(entry.kind === "stream" ? uint32(entry.bytes) : entry.classId);
    hash.update(entry.stateBits);
    if (entry.kind !== "root") hash.update(entry.createdAt).update(entry.modifiedAt);
  };
  const visit = (storage: CompoundEntry): void => {
    update(storage);
    for (const child of signedChildren(storage)) {
      if (child.kind === "storage") visit(child);
      else update(child);
    }
  };
  visit(root);
  return hash.digest();
}

/** In the order of the digest: by the bytes of their names, a shorter one before what it begins. */
function signedChildren(storage: CompoundEntry): readonly CompoundEntry[] {
  const isSignature = ({ name }: CompoundEntry): boolean =>
    storage.kind === "root" && (name === MSI_SIGNATURE.signature || name === MSI_SIGNATURE.extended);
  return storage.children
    .filter((child) => !isSignature(child))
    .sort((a, b) => Buffer.compare(a.nameBytes, b.nameBytes));
}

function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}
