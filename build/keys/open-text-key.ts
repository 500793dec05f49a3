/** The keys of packages and feeds, which are texts: OpenPGP, minisign, Ed25519. */
import { Secret } from "../../runtime/base/secret.ts";
import { type FeedSigningKey, parseFeedKey } from "../../signing/feed/ed25519.ts";
import { readKeySource } from "../../signing/keys/key-source.ts";
import { type MinisignSecretKey, parseMinisignSecretKey } from "../../signing/linux/minisign-key.ts";
import { type OpenPgpKey, readOpenPgpKey } from "../../signing/linux/openpgp-key.ts";
import type { TextKeyReference } from "../config/resolved-signing.ts";
import type { KeyWorld } from "./key-world.ts";
import { naming } from "../tools/naming.ts";
import { passwordOf } from "./open-code-key.ts";

/** Opens an OpenPGP key. Throws `KEY_…` errors that begin with the config's field. */
export function openOpenPgpKey(reference: TextKeyReference, world: KeyWorld): Promise<OpenPgpKey> {
  return opened(reference, world, (text, password) => readOpenPgpKey(text, password, world.now()));
}

/** Opens a minisign key. Throws `KEY_…` and `MINISIGN_DAMAGED`. */
export function openMinisignKey(reference: TextKeyReference, world: KeyWorld): Promise<MinisignSecretKey> {
  return opened(reference, world, parseMinisignSecretKey);
}

/** Opens the feed's key. Throws `KEY_…` errors. */
export function openFeedKey(reference: TextKeyReference, world: KeyWorld): Promise<FeedSigningKey> {
  return opened(reference, world, async (text, password) => parseFeedKey(text, password));
}

function opened<Key>(
  reference: TextKeyReference,
  world: KeyWorld,
  parse: (text: Secret, password: Secret | undefined) => Promise<Key>,
): Promise<Key> {
  return naming(reference.field, async () => {
    const { bytes } = await readKeySource(reference.source, world.env);
    return parse(new Secret(Buffer.from(bytes).toString("utf8")), passwordOf(reference, world));
  });
}
