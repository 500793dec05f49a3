/**
 * The signature of a package (`.pkg`, a XAR archive), as `productsign` writes
 * it: an RSA signature and a CMS, both over the checksum of the compressed
 * table of contents, at the heap's beginning and named in that very table.
 * The certificate is a Developer ID Installer's.
 */
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { ErthError } from "../../runtime/base/errors.ts";
import { parseCertificate } from "../cms/certificate.ts";
import { oids } from "../cms/oids.ts";
import { createSignedData } from "../cms/signed-data.ts";
import { checkSignature } from "../keys/check-signature.ts";
import type { DigestSigner } from "../signer.ts";
import { withFileRange } from "../../build/formats/byte-range.ts";
import { writeDerivedFile } from "./derived-file.ts";
import { encodeXarHeader, readXar, XAR_CHECKSUMS, type XarArchive, xarDamaged } from "../../build/formats/xar.ts";
import { renderSignedToc } from "../../build/formats/xar-toc.ts";

export interface SignXarRequest {
  readonly path: string;
  /** A new file; old signatures and a stapled ticket in `path` are left out of it. */
  readonly output: string;
  /** Its leaf is RSA, and it tells its certificates before it signs: they stand in the table that is signed. */
  readonly signer: DigestSigner;
  /** Names the file in a key service's log. */
  readonly fileName: string;
  readonly signingTime: Date;
  /** Undefined leaves the timestamp out, and Apple notarizes nothing. */
  readonly timestamp?:
    | { readonly url: string; readonly fetch: typeof fetch; readonly signal?: AbortSignal }
    | undefined;
}

/** SHA-1, `productsign`'s old default, is nothing that a key service signs any more. */
const CHECKSUM = "sha256";
/** For the timestamp token and all that surrounds certificates in a CMS. */
const CMS_ROOM_BYTES = 12 << 10;
const ATTEMPTS = 3;

/** Signs into a new file and returns the checksum that was signed. Throws `XAR_…`, `KEY_…` and `TIMESTAMP_…` errors. */
export async function signXar(request: SignXarRequest): Promise<Uint8Array> {
  const { path, output, signer } = request;
  const archive = await withFileRange(path, readXar);
  const certificates = await signer.certificates();
  const leafDer = certificates?.[0];
  if (certificates === undefined || leafDer === undefined) throw noCertificates(signer.name);
  const leaf = parseCertificate(leafDer);
  if (leaf.key.type !== "rsa" || leaf.key.bits === undefined) throw notRsa(signer.name, leaf.key.type);
  const rsaBytes = leaf.key.bits / 8;
  let cmsBytes = certificates.reduce((sum, der) => sum + der.length, rsaBytes * 2 + CMS_ROOM_BYTES);
  for (let attempt = 1; ; attempt += 1) {
    const layout = layOut(archive, certificates, rsaBytes, cmsBytes);
    const hint = { file: request.fileName, kind: "xar" } as const;
    const rsa = await signer.signDigest({ digestAlgorithm: CHECKSUM, digest: layout.checksum, hint });
    checkSignature({ ...rsa, digestAlgorithm: CHECKSUM, digest: layout.checksum, keyName: signer.name, leaf });
    const { der } = await createSignedData({
      contentTypeOid: oids.data,
      digested: layout.checksum,
      signedAttributes: [],
      signingTime: request.signingTime,
      rsaSignatureOid: "sha256WithRSAEncryption",
      signer,
      hint,
      ...(request.timestamp ? { timestamp: { ...request.timestamp, attributeOid: oids.timestampToken } } : {}),
    });
    if (der.length > cmsBytes && attempt < ATTEMPTS) {
      // The room is written into the table that is signed: it cannot grow afterwards.
      cmsBytes = der.length + CMS_ROOM_BYTES;
      continue;
    }
    if (der.length > cmsBytes || rsa.signature.length !== rsaBytes)
      throw new Error("the signatures do not fit the table of contents");
    await writeDerivedFile(output, path, async (file) => {
      await file.append(layout.head);
      await file.append(layout.checksum);
      await file.append(rsa.signature);
      await file.append(der);
      await file.append(new Uint8Array(cmsBytes - der.length));
      const { heapOffset, endOffset } = archive;
      await file.appendSource(heapOffset + layout.oldPrefixBytes, endOffset - heapOffset - layout.oldPrefixBytes);
    });
    return layout.checksum;
  }
}

interface Layout {
  /** Header and compressed table of contents. */
  readonly head: Uint8Array;
  readonly checksum: Uint8Array;
  /** What the old checksum and signatures took at the heap's beginning. */
  readonly oldPrefixBytes: number;
}

function layOut(archive: XarArchive, certificates: readonly Uint8Array[], rsaBytes: number, cmsBytes: number): Layout {
  const { toc } = archive;
  const oldPrefixBytes = [toc.checksum, ...toc.signatures].reduce(
    (end, { offset, size }) => Math.max(end, offset + size),
    0,
  );
  if (toc.data.some(({ offset, length }) => length > 0 && offset < oldPrefixBytes)) {
    throw xarDamaged("a file's data lies before the end of its checksum and signatures");
  }
  if (archive.heapOffset + oldPrefixBytes > archive.endOffset) throw xarDamaged("its signatures reach beyond its end");
  const { bytes: checksumBytes } = XAR_CHECKSUMS[CHECKSUM];
  const xml = Buffer.from(
    renderSignedToc(toc, {
      checksum: { style: CHECKSUM, size: checksumBytes },
      signatures: [
        { name: "signature", style: "RSA", size: rsaBytes },
        { name: "x-signature", style: "CMS", size: cmsBytes },
      ],
      certificates,
      shiftBytes: checksumBytes + rsaBytes + cmsBytes - oldPrefixBytes,
    }),
  );
  const compressed = deflateSync(xml, { level: 9 });
  return {
    head: Buffer.concat([encodeXarHeader(CHECKSUM, compressed.length, xml.length), compressed]),
    checksum: createHash(CHECKSUM).update(compressed).digest(),
    oldPrefixBytes,
  };
}

function noCertificates(keyName: string): ErthError {
  return new ErthError({
    code: "XAR_CERTIFICATE",
    message: `${keyName} tells its certificates only with a signature; a package names them in what is signed.`,
    remedy: "set the certificate chain beside the key (signing.apple.installer), then erth doctor signing",
  });
}

function notRsa(keyName: string, type: string): ErthError {
  return new ErthError({
    code: "XAR_CERTIFICATE",
    message: `${keyName} has a key of type ${type}; a package is signed with RSA.`,
    remedy: "use a Developer ID Installer certificate with an RSA key, then erth doctor signing",
  });
}
