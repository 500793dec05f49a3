/** The digests that Authenticode signatures use, by the names of `node:crypto`. */
import { oids } from "../cms/oids.ts";
import type { DigestName } from "./authenticode.ts";

const names: Readonly<Record<string, DigestName>> = {
  [oids.sha1]: "sha1",
  [oids.sha256]: "sha256",
  [oids.sha384]: "sha384",
  [oids.sha512]: "sha512",
};

/** Undefined for an algorithm that is none of them. */
export function digestNameOf(oid: string): DigestName | undefined {
  return names[oid];
}
