/** OpenPGP keys for tests, made on the spot. */
import { generateKey } from "openpgp";
import { Secret } from "../../runtime/base/secret.ts";
import { type OpenPgpKey, readOpenPgpKey } from "../../signing/linux/openpgp-key.ts";

/** An Ed25519 key of this user, valid since 2020. */
export async function openPgpKey(user = "Erth Test"): Promise<OpenPgpKey> {
  const { privateKey } = await generateKey({
    userIDs: [{ name: user }],
    date: new Date("2020-01-01T00:00:00Z"),
    format: "armored",
  });
  return await readOpenPgpKey(new Secret(privateKey), undefined, new Date("2026-06-01T12:00:00Z"));
}
