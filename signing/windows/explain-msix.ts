/** An app package of Windows and its signature as text: what `erth verify --explain` prints. Judges nothing. */
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import { MANIFEST_NAME } from "../../build/formats/msix.ts";
import { ErthError } from "../../runtime/base/errors.ts";
import { signatureLines } from "./explain-pe.ts";
import { parseIdentity } from "./msix-identity.ts";
import {
  MSIX_DIGESTS,
  type MsixDigest,
  msixDigests,
  type MsixPackage,
  openMsix,
  parseDigests,
  readPart,
} from "./msix-package.ts";
import { parseSignature } from "./read-signature.ts";
import { readP7x } from "./verify-msix.ts";

const SHA256_BYTES = 32;

/** The text of the file at this path. Throws `ZIP_DAMAGED` and `MSIX_…`. */
export async function explainMsix(path: string): Promise<string> {
  return await withFileRange(path, async (range) => {
    const file = await openMsix(range);
    const digests = await msixDigests(range, file, "sha256");
    const lines = [
      `app package: ${range.size} bytes, ${file.records.length} parts`,
      await identityLine(range, file),
      ...file.records.map(({ name, bytes, compressedBytes, method }) => {
        const stored = method === 0 ? "stored" : `deflated to ${compressedBytes}`;
        return `part ${JSON.stringify(name)}: ${bytes} bytes, ${stored}`;
      }),
      ...Array.from(digests, ([name, digest]) => `sha256 of ${digestLine(name, digest)}`),
      ...(await signatureText(range, file)),
    ];
    return lines.map((line) => `${line.replaceAll(/\p{Cc}/gu, "?")}\n`).join("");
  });
}

async function identityLine(range: ByteRange, file: MsixPackage): Promise<string> {
  const { name, version, publisher } = parseIdentity((await readPart(range, file, MANIFEST_NAME)).toString("utf8"));
  return `identity ${JSON.stringify(name)} ${version} of ${JSON.stringify(publisher)}`;
}

async function signatureText(range: ByteRange, file: MsixPackage): Promise<readonly string[]> {
  if (file.signature === undefined) return ["signature: none"];
  try {
    const signature = parseSignature(await readP7x(range, file.signature));
    const signed = parseDigests(signature.indirect.digest, SHA256_BYTES) ?? new Map<MsixDigest, Uint8Array>();
    return [
      ...signatureLines("0", signature),
      ...Array.from(signed, ([name, digest]) => `  signed digest of ${digestLine(name, digest)}`),
    ];
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    return [`unreadable: ${error.message}`];
  }
}

function digestLine(name: MsixDigest, digest: Uint8Array): string {
  return `${MSIX_DIGESTS[name]} (${name}): ${Buffer.from(digest).toString("hex")}`;
}
