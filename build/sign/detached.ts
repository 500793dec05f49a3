/** Signatures beside a file: OpenPGP in armor (`.asc`), minisign (`.minisig`). */
import { basename } from "node:path";
import { fileContent, minisignComment, signMinisign } from "../../signing/linux/minisign.ts";
import { armorSignature, signOpenPgp } from "../../signing/linux/openpgp.ts";
import { minisignKeyName } from "../../signing/linux/minisign-key.ts";
import { writeWhole } from "../artifacts/whole-file.ts";
import type { Keyring } from "../keys/keyring.ts";
import type { DetachedSignature } from "../plan/signing-plan.ts";

export const SUFFIXES: Readonly<Record<DetachedSignature, string>> = { openpgp: ".asc", minisign: ".minisig" };

export interface DetachedRequest {
  readonly keyring: Keyring;
  readonly file: string;
  /** Name of the file for its users, which a minisign comment repeats. */
  readonly fileName?: string;
  readonly version?: string;
  /** Where the signature goes, absolute. */
  readonly output: string;
}

/** Writes the signature and returns who signed. */
export async function signDetached(kind: DetachedSignature, request: DetachedRequest): Promise<string> {
  const { keyring, file, output } = request;
  const now = keyring.world.now();
  if (kind === "openpgp") {
    const key = await keyring.openPgp();
    if (key === undefined) throw new Error("the plan names an OpenPGP key, and the config has none");
    await writeWhole(output, armorSignature(await signOpenPgp(fileContent(file), key, now)));
    return nameOfOpenPgp(key);
  }
  const key = await keyring.minisign();
  if (key === undefined) throw new Error("the plan names a minisign key, and the config has none");
  const comment = minisignComment(request.fileName ?? basename(file), now, request.version);
  await writeWhole(output, await signMinisign(fileContent(file), key, comment, "minisign"));
  return `minisign key ${minisignKeyName(key.publicKey)}`;
}

/** What names a detached signature's key: in a cache key, and for people. */
export async function detachedSigner(kind: DetachedSignature, keyring: Keyring): Promise<string | undefined> {
  if (kind === "openpgp") {
    const key = await keyring.openPgp();
    return key && nameOfOpenPgp(key);
  }
  const key = await keyring.minisign();
  return key && `minisign key ${minisignKeyName(key.publicKey)}`;
}

function nameOfOpenPgp({ fingerprint }: { readonly fingerprint: string }): string {
  return `OpenPGP key ${fingerprint}`;
}
