/** Where key material lies: a file, a setting or an environment variable, as CI systems hand it over. */
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";
import type { Secret } from "../../runtime/base/secret.ts";

export type KeySource =
  | { readonly path: string }
  /** PEM text, or base64 of any of the formats. */
  | { readonly text: Secret }
  /** The name of a variable that holds such text, or a path. */
  | { readonly env: string };

export interface KeyMaterial {
  /** For people: `key file developer-id.p12`, `variable ERTH_KEY`; never a secret. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

type Environment = Readonly<Record<string, string | undefined>>;

const MAX_BYTES = 1024 * 1024;

/** Fetches the bytes as they are; `KEY_NOT_FOUND` says where it looked. */
export async function readKeySource(source: KeySource, env: Environment = process.env): Promise<KeyMaterial> {
  if ("path" in source) return readKeyFile(source.path, `key file ${basename(source.path)}`);
  if ("text" in source) return { name: "the configured key text", bytes: Buffer.from(source.text.reveal(), "utf8") };
  const name = `variable ${source.env}`;
  const value = env[source.env];
  if (value === undefined || value.trim() === "") {
    throw new ErthError({
      code: "KEY_NOT_FOUND",
      message: `The variable ${source.env} is ${value === undefined ? "not set" : "empty"}.`,
      remedy: `set ${source.env} to the key as base64 or its path (CI systems withhold secrets from forks), then type: erth doctor signing`,
    });
  }
  return isPath(value) ? readKeyFile(value.trim(), name) : { name, bytes: Buffer.from(value, "utf8") };
}

/** A path begins like one, or ends in a key file's extension; base64 of a key does neither. */
function isPath(value: string): boolean {
  const text = value.trim();
  if (text.includes("\n") || text.length > 4096) return false;
  return /^(\.{0,2}\/[^/]|~\/|[A-Za-z]:[\\/])/.test(text) || /\.(p12|pfx|pem|key|crt|cer|der|p7b)$/i.test(text);
}

async function readKeyFile(path: string, name: string): Promise<KeyMaterial> {
  try {
    const { size } = await stat(path);
    if (size <= MAX_BYTES) return { name, bytes: await readFile(path) };
  } catch (cause) {
    throw new ErthError({
      code: "KEY_NOT_FOUND",
      message: `The key file ${path} cannot be read: ${systemCode(cause) ?? messageOf(cause)}.`,
      remedy: "correct the path in erth.config.ts, then type: erth doctor signing",
      cause,
    });
  }
  throw new ErthError({
    code: "KEY_DAMAGED",
    message: `The key file ${path} is larger than ${MAX_BYTES} bytes: it is no key.`,
    remedy: "set the path of a .p12, .pfx or .pem file in erth.config.ts",
  });
}
