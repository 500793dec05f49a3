/**
 * A certificate's subject in the words of Windows (`CertNameToStr` with
 * `CERT_X500_NAME_STR` and the order reversed): what an app package's manifest
 * has to name as its publisher, character by character.
 */
import type { NameField } from "../cms/certificate.ts";

/** Names that the manifest's schema knows, by attribute type. */
const KEYS: Readonly<Record<string, string>> = {
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "E",
  "2.5.4.3": "CN",
  "2.5.4.4": "SN",
  "2.5.4.5": "SERIALNUMBER",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "S",
  "2.5.4.9": "STREET",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "2.5.4.12": "T",
  "2.5.4.13": "Description",
  "2.5.4.17": "PostalCode",
  "2.5.4.18": "POBox",
  "2.5.4.20": "Phone",
  "2.5.4.24": "X21Address",
  "2.5.4.42": "G",
  "2.5.4.43": "I",
  "2.5.4.46": "dnQualifier",
};

/** `CN=Example Ltd, O=Example Ltd, C=US`: the certificate's last field first. */
export function windowsName(subject: readonly NameField[]): string {
  return [...subject]
    .reverse()
    .map(({ oid, value }) => `${KEYS[oid] ?? `OID.${oid}`}=${quoted(value)}`)
    .join(", ");
}

function quoted(value: string): string {
  return /[,+="<>#;\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
