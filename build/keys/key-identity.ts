/** What names a key in a cache key and to Apple's tools: never anything of the key itself. */
import type { MacHost } from "../../signing/keys/keychain.ts";
import type { CodeKeyReference } from "../config/resolved-signing.ts";
import type { KeyWorld } from "./key-world.ts";
import type { Keyring } from "./keyring.ts";

/** Its certificate; or the key's own name, where the certificate comes with each signature and lives for days only. */
export async function identityOf(keyring: Keyring, reference: CodeKeyReference): Promise<string> {
  const { place } = reference;
  if (place.kind === "keychain") return `keychain identity ${place.identity}`;
  const { chain, signer } = await keyring.codeKey(reference);
  return chain?.certificates[0]?.fingerprint ?? signer.name;
}

/** Apple's own tools, where this is a Mac. */
export function macHost({ platform, exec, signal }: KeyWorld): MacHost {
  return { platform, run: (file, args) => exec(file, args, { signal }) };
}
