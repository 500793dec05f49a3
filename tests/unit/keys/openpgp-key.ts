/** A fresh OpenPGP key for one test. */
import { generateKey } from "openpgp";

/** The private key, armored, not encrypted; it began long before the tests' present. */
export async function openPgpKeyText(): Promise<string> {
  const { privateKey } = await generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: [{ name: "Erth Test", email: "release@example.com" }],
    date: new Date("2025-01-01T00:00:00Z"),
    format: "armored",
  });
  return privateKey;
}
