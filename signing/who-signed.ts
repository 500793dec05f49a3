/**
 * Who signed a finished thing, told from the signature in it: for the manifest
 * and the terminal. Whether the signature holds is for the verifiers to say.
 */
import { basename } from "node:path";
import { readCompoundFile, readStream } from "../build/formats/compound-file.ts";
import { namingFile } from "./apple/mach-o-errors.ts";
import { type ByteRange, subRange, withFileRange } from "../build/formats/byte-range.ts";
import { readFat } from "./apple/fat.ts";
import { readMachO } from "./apple/mach-o.ts";
import { kindOf, mainExecutable } from "./apple/notary/artifact-kind.ts";
import { blobContent, parseSuperBlob, SLOT } from "./apple/super-blob.ts";
import { readDiskImage } from "./apple/udif.ts";
import { readZipData } from "../build/formats/zip-data.ts";
import { readXar } from "../build/formats/xar.ts";
import { certificateName } from "./cms/certificate.ts";
import { signerFacts } from "./cms/signer-facts.ts";
import { inspectAppImage } from "./linux/verify-appimage.ts";
import { inspectRpm } from "./linux/verify-rpm.ts";
import { kindOfFile } from "./verify/kind.ts";
import { certificateTablePlace, parseCertificateTable } from "./windows/certificate-table.ts";
import { openPe, readBytes, readPe } from "./windows/image-file.ts";
import { MSI_SIGNATURE } from "./windows/msi-digest.ts";
import { openMsix, P7X_MAGIC } from "./windows/msix-package.ts";
import { withoutPadding } from "./windows/nested-signature.ts";

export interface WhoSigned {
  /** Common name of the certificate; "ad-hoc" for a signature without one; the key for one by OpenPGP. */
  readonly by: string;
  /** Hex SHA-256 of the certificate; null where there is none. */
  readonly fingerprint: string | null;
  /** When a timestamp authority saw the signature, ISO 8601; null without a timestamp. */
  readonly timestamp: string | null;
}

export const AD_HOC = "ad-hoc";
const MAX_SIGNATURE_BYTES = 16 << 20;

/** Of an `.app`, `.dmg` or `.pkg`; undefined for one without a signature. Throws for a damaged file. */
export async function whoSignedApple(path: string): Promise<WhoSigned | undefined> {
  const kind = await kindOf(path);
  return namingFile(basename(path), async () => {
    if (kind === "app") return withFileRange(await mainExecutable(path), machOSigner);
    if (kind === "dmg")
      return withFileRange(path, async (range) => superBlobSigner((await readDiskImage(range)).signature));
    return kind === "pkg" ? withFileRange(path, packageSigner) : undefined;
  });
}

/** Of a Mach-O file, by its first slice. */
export async function machOSigner(range: ByteRange): Promise<WhoSigned | undefined> {
  const first = (await readFat(range))?.[0];
  const slice = first === undefined ? range : subRange(range, first.offset, first.size);
  const { signature } = await readMachO(slice);
  return superBlobSigner(signature && (await slice.read(signature.offset, signature.size)));
}

/** Of a Windows program or Windows Installer file, by its first signature; undefined for one without. */
export async function whoSignedWindows(path: string): Promise<WhoSigned | undefined> {
  const message = await ((await kindOfFile(path)) === "msi" ? withFileRange(path, msiSignature) : peSignature(path));
  return message && describe(message);
}

async function msiSignature(range: ByteRange): Promise<Uint8Array | undefined> {
  const file = await readCompoundFile(range);
  const stream = file.root.children.find(({ name }) => name === MSI_SIGNATURE.signature);
  return stream && readStream(file, stream, MAX_SIGNATURE_BYTES);
}

async function peSignature(path: string): Promise<Uint8Array | undefined> {
  const file = await openPe(path);
  try {
    const { place } = certificateTablePlace(await readPe(file));
    if (place === undefined) return undefined;
    const [entry] = parseCertificateTable(await readBytes(file, place.offset, place.length)).entries;
    return entry && withoutPadding(entry.content);
  } finally {
    await file.close();
  }
}

/** Of an AppImage, by the key that its signature names. */
export async function whoSignedAppImage(path: string): Promise<WhoSigned | undefined> {
  const { signatures } = await inspectAppImage(path, { keys: [], now: new Date() });
  const [first] = signatures;
  return first && { by: `OpenPGP key ${first.keyId}`, fingerprint: null, timestamp: null };
}

/** Of an RPM, by the key that its signature names. */
export async function whoSignedRpm(path: string): Promise<WhoSigned | undefined> {
  const { signatures } = await inspectRpm(path, { keys: [], now: new Date() });
  const [first] = signatures;
  return first && { by: `OpenPGP key ${first.keyId}`, fingerprint: null, timestamp: null };
}

/** Of an app package of Windows. */
export async function whoSignedMsix(path: string): Promise<WhoSigned | undefined> {
  return withFileRange(path, async (range) => {
    const { signature } = await openMsix(range);
    if (signature === undefined) return undefined;
    return describe(Buffer.concat(await Array.fromAsync(readZipData(range, signature))).subarray(P7X_MAGIC.length));
  });
}

function superBlobSigner(signature: Uint8Array | undefined): WhoSigned | undefined {
  if (signature === undefined) return undefined;
  const cms = parseSuperBlob(signature).find(({ slot }) => slot === SLOT.cms);
  const message = cms === undefined ? new Uint8Array() : blobContent(cms.bytes);
  return message.length === 0 ? { by: AD_HOC, fingerprint: null, timestamp: null } : describe(message);
}

async function packageSigner(range: ByteRange): Promise<WhoSigned | undefined> {
  const { toc, heapOffset } = await readXar(range);
  const cms = toc.signatures.find(({ style }) => style === "CMS");
  return cms && describe(withoutPadding(await range.read(heapOffset + cms.offset, cms.size)));
}

function describe(message: Uint8Array): WhoSigned {
  const { certificate, timestamp } = signerFacts(message);
  return {
    by: certificate === undefined ? "an unnamed certificate" : certificateName(certificate),
    fingerprint: certificate?.fingerprint ?? null,
    timestamp: timestamp?.toISOString() ?? null,
  };
}
