/** PEM text (RFC 7468; RFC 1421 §4.6 for encrypted keys) to its blocks, also when all of it came on one line. */
import { announcedLength, decodeBase64, keyDamaged, type Warn, wholeDer } from "./key-bytes.ts";

export interface PemBlock {
  /** `CERTIFICATE`, `ENCRYPTED PRIVATE KEY` … */
  readonly label: string;
  readonly der: Uint8Array;
  /** Whether RFC 1421 headers say that `der` is encrypted. */
  readonly isEncrypted: boolean;
  /** The block in its regular form, for OpenSSL. */
  readonly text: string;
}

/** The blocks in order; text around them, which OpenSSL prints there, is ignored. */
export function splitPem(text: string, name: string, warn: Warn): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let at = 0;
  for (const begin of text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)) {
    if (begin.index < at) throw keyDamaged(name, `a "${begin[1]}" block begins inside another`);
    const [opening, label = ""] = begin;
    const start = begin.index + opening.length;
    const end = text.indexOf(`-----END ${label}-----`, start);
    if (end === -1) throw keyDamaged(name, `it is cut short: the END line of "${label}" is missing`, RECODE_PEM);
    at = end;
    // Only names the curve, which the key after it names too.
    if (label === "EC PARAMETERS") continue;
    blocks.push(readBlock(label, text.slice(start, end), name, warn));
  }
  if (blocks.length === 0) throw keyDamaged(name, "its BEGIN line is not whole", RECODE_PEM);
  return blocks;
}

const RECODE_PEM =
  "store the file again as base64, which keeps its lines: base64 -w0 key.pem (on a Mac: base64 -i key.pem), then type: erth doctor signing";

function readBlock(label: string, body: string, name: string, warn: Warn): PemBlock {
  if (!body.trim().includes("\n") && body.length > 80) warn(`has the "${label}" block on one line`);
  const header = /^\s*Proc-Type:\s*4,\s*ENCRYPTED\s+DEK-Info:\s*([A-Z0-9-]+),\s*([0-9A-Fa-f]+)\s/.exec(body);
  const base64 = (header ? body.slice(header[0].length) : body).trim();
  // Blanks in the place of line ends are what "one line" means: no second warning for them.
  const decoded = decodeBase64(base64.replaceAll(/\s+/g, "\n"), name, warn);
  const isDer = decoded[0] === 0x30;
  if (!header && !isDer) throw keyDamaged(name, `the "${label}" block holds no DER`, RECODE_PEM);
  const announced = announcedLength(decoded);
  if (!header && announced !== undefined && announced > decoded.length) {
    throw keyDamaged(
      name,
      `the "${label}" block is cut short: ${announced} bytes announced, ${decoded.length} came`,
      RECODE_PEM,
    );
  }
  const der = header ? decoded : wholeDer(decoded, name, warn);
  const headers = header ? ["Proc-Type: 4,ENCRYPTED", `DEK-Info: ${header[1]},${header[2]}`, ""] : [];
  return { label, der, isEncrypted: header !== null, text: encodePem(label, der, headers) };
}

/** One block with lines of 64 digits, as RFC 7468 §2 has them. */
export function encodePem(label: string, der: Uint8Array, headers: readonly string[] = []): string {
  const base64 = Buffer.from(der).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...headers, ...lines, `-----END ${label}-----`, ""].join("\n");
}
