/**
 * The private key of an App Store Connect API key: `AuthKey_<id>.p8`, a PEM
 * PKCS #8 key on P-256. What CI settings do to such a text is mended or named
 * by `signing/keys/key-text.ts`.
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import type { KeyMaterial } from "../../keys/key-source.ts";
import { keyDamaged } from "../../keys/key-bytes.ts";
import { decodeKeyContent } from "../../keys/key-text.ts";

export interface ApiKey {
  readonly key: KeyObject;
  /** Damage that was mended, as sentences. */
  readonly warnings: readonly string[];
}

const REMEDY =
  "store AuthKey_….p8 again as base64, which keeps its lines: base64 -w0 AuthKey_….p8, or set appleApiKey to its path; then type: erth doctor signing";

/** Reads the key. Throws `KEY_DAMAGED`, which never quotes it. */
export function parseApiKey(material: KeyMaterial): ApiKey {
  const { name } = material;
  const content = decodeKeyContent(material);
  const der = content.kind === "der" ? content.der : onlyPrivateKey(content.blocks, name);
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" });
  } catch {
    // No cause: OpenSSL's words about bytes that must not be shown help nobody.
    throw keyDamaged(name, `its ${der.length} bytes are no PKCS #8 private key`, REMEDY);
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type !== "ec" || details?.namedCurve !== "prime256v1") {
    const kind = type === "ec" ? `on the curve ${details?.namedCurve ?? "unknown"}` : `of type ${type ?? "unknown"}`;
    throw keyDamaged(name, `it is a key ${kind}, and an API key is on the curve P-256`, REMEDY);
  }
  return { key, warnings: content.warnings };
}

function onlyPrivateKey(
  blocks: readonly { readonly label: string; readonly der: Uint8Array }[],
  name: string,
): Uint8Array {
  const found = blocks.find(({ label }) => label === "PRIVATE KEY");
  if (found !== undefined) return found.der;
  const labels = blocks.map(({ label }) => label).join(", ");
  throw keyDamaged(name, `it holds ${labels}, where a PRIVATE KEY belongs`, REMEDY);
}
