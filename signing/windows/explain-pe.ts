/**
 * A Windows program and its signatures as text, a line for each field: what
 * `erth verify --explain` prints, and what goldens freeze. Says what is there
 * and judges nothing.
 */
import { ErthError } from "../../runtime/base/errors.ts";
import { type Certificate, renderName } from "../cms/certificate.ts";
import type { DerNode } from "../cms/der.ts";
import type { ParsedAttribute } from "../cms/parse-signed-data.ts";
import { parseTimestampToken } from "../cms/timestamp.ts";
import { certificateTablePlace, parseCertificateTable } from "./certificate-table.ts";
import { openPe, readBytes, readPe } from "./image-file.ts";
import { parsePageHashes } from "./page-hashes.ts";
import { DIRECTORY, type Pe, type PeSection } from "./pe.ts";
import { type AuthenticodeSignature, readSignatures } from "./read-signature.ts";
import { resourceSection } from "./resource-layout.ts";
import { parseResources, type Resource } from "./resource-tree.ts";
import { spcOids } from "./spc.ts";

const DIRECTORY_NAMES = [
  "export",
  "import",
  "resource",
  "exception",
  "certificate",
  "base relocation",
  "debug",
  "architecture",
  "global pointer",
  "TLS",
  "load configuration",
  "bound import",
  "import address",
  "delay import",
  "CLR",
  "reserved",
];
const ATTRIBUTE_NAMES: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.9.3": "contentType",
  "1.2.840.113549.1.9.4": "messageDigest",
  "1.2.840.113549.1.9.5": "signingTime",
  "1.2.840.113549.1.9.6": "countersignature",
  "1.3.6.1.4.1.311.3.3.1": "RFC 3161 timestamp",
  [spcOids.opusInfo]: "SpcSpOpusInfo",
  [spcOids.statementType]: "SpcStatementType",
  [spcOids.nestedSignature]: "nested signature",
};
const RESOURCE_NAMES: Readonly<Record<number | string, string>> = {
  3: "icon",
  10: "data",
  14: "icon group",
  16: "version",
  24: "manifest",
};
const MAX_SHOWN_BYTES = 32;

/** The text of the file at this path, lines ending in LF. Throws `PE_…` for what is no program at all. */
export async function explainPe(path: string): Promise<string> {
  const file = await openPe(path);
  try {
    const pe = await readPe(file);
    const { place, faults } = certificateTablePlace(pe);
    const table = parseCertificateTable(place ? await readBytes(file, place.offset, place.length) : new Uint8Array());
    const { found, problems } = readSignatures(table.entries.map(({ content }) => content));
    const overlayEnd = place?.offset ?? pe.fileBytes;
    const lines = [
      ...headerLines(pe),
      `overlay: ${overlayEnd - pe.imageEnd} bytes at ${pe.imageEnd}`,
      ...(await resourceLines(pe, (section) => readBytes(file, section.rawOffset, section.rawBytes))),
      place ? `certificate table: ${place.length} bytes at ${place.offset}` : "certificate table: none",
      ...faults.map((fault) => `  fault: ${fault}`),
      ...(place ? table.faults : []).map((fault) => `  fault: ${fault}`),
      ...table.entries.map(
        ({ offset, length, revision, type }) =>
          `  entry at ${offset}: ${length} bytes, revision ${hexadecimal(revision)}, type ${type}`,
      ),
      ...found.flatMap(({ index, signature }) => signatureLines(index, signature)),
      ...problems.map(({ message }) => `unreadable: ${message}`),
    ];
    // Names come from the file, and may hold what a terminal would act on.
    return lines.map((line) => `${line.replaceAll(/\p{Cc}/gu, "?")}\n`).join("");
  } finally {
    await file.close();
  }
}

function headerLines(pe: Pe): readonly string[] {
  return [
    `${pe.format}: ${pe.fileBytes} bytes`,
    `machine ${hexadecimal(pe.machine)}, characteristics ${hexadecimal(pe.characteristics)}, subsystem ${pe.subsystem}`,
    `headers ${pe.sizeOfHeaders}, image ${hexadecimal(pe.sizeOfImage)}, checksum ${hexadecimal(pe.checksum)}`,
    `alignment ${pe.sectionAlignment} in memory, ${pe.fileAlignment} in the file`,
    ...pe.sections.map((section) => `section ${sectionText(section)}`),
    ...pe.directories.flatMap(({ address, size }, index) =>
      address === 0 && size === 0
        ? []
        : [`directory ${DIRECTORY_NAMES[index] ?? index}: ${size} bytes at ${hexadecimal(address)}`],
    ),
  ];
}

function sectionText(section: PeSection): string {
  const stored = `${section.rawBytes} bytes at ${section.rawOffset}`;
  const loaded = `${section.virtualSize} bytes at ${hexadecimal(section.virtualAddress)}`;
  return `${JSON.stringify(section.name)}: ${stored}, loaded as ${loaded}, ${hexadecimal(section.characteristics)}`;
}

async function resourceLines(pe: Pe, read: (section: PeSection) => Promise<Uint8Array>): Promise<readonly string[]> {
  try {
    const section = pe.directories[DIRECTORY.resource] && resourceSection(pe);
    if (!section) return ["resources: none"];
    return parseResources(await read(section), section.virtualAddress).map(resourceText);
  } catch (cause) {
    if (!(cause instanceof ErthError)) throw cause;
    return [`resources: ${cause.message}`];
  }
}

function resourceText({ type, id, language, length }: Resource): string {
  return `resource ${RESOURCE_NAMES[type] ?? type} ${id}, language ${language}: ${length} bytes`;
}

/** An Authenticode signature, a line for each field. */
export function signatureLines(
  index: string,
  { signed, signer, indirect, opus, timestampToken }: AuthenticodeSignature,
): readonly string[] {
  const id = "subjectKeyId" in signer.id ? signer.id.subjectKeyId : `serial ${shown(signer.id.serialDer)}`;
  return [
    `signature ${index}: CMS version ${signed.version}, digests ${signed.digestAlgorithmOids.join(", ")}`,
    `  content ${signed.contentTypeOid}, data ${indirect.dataOid}`,
    `  image digest ${indirect.digestOid} ${shown(indirect.digest)}`,
    ...pageHashLines(indirect.value),
    `  signer version ${signer.version}, ${id}`,
    `  digest ${signer.digestAlgorithmOid}, signature ${signer.signatureAlgorithmOid}, ${signer.signature.length} bytes`,
    ...signer.signedAttributes.map((one) => `  signed ${attributeText(one)}`),
    ...(opus.description === undefined ? [] : [`  description ${JSON.stringify(opus.description)}`]),
    ...(opus.url === undefined ? [] : [`  link ${JSON.stringify(opus.url)}`]),
    ...signer.unsignedAttributes.map((one) => `  unsigned ${attributeText(one)}`),
    ...(timestampToken ? timestampLines(timestampToken) : []),
    ...signed.certificates.flatMap((certificate) => certificateLines(certificate)),
  ];
}

function pageHashLines(value: DerNode | undefined): readonly string[] {
  try {
    const hashes = parsePageHashes(value);
    return hashes === undefined ? [] : [`  page hashes ${hashes.digestName}, ${hashes.table.length} bytes`];
  } catch (cause) {
    if (!(cause instanceof ErthError)) throw cause;
    return [`  page hashes: ${cause.message}`];
  }
}

function attributeText({ oid, values }: ParsedAttribute): string {
  return `${ATTRIBUTE_NAMES[oid] ?? oid}: ${values.map(({ value }) => shown(value)).join(", ")}`;
}

function timestampLines(token: Uint8Array): readonly string[] {
  try {
    const { time, policyOid, serial, imprint, signed } = parseTimestampToken(token);
    return [
      `  timestamp ${time.toISOString()}, policy ${policyOid}, serial ${serial}`,
      `  timestamp imprint ${imprint.digestOid} ${shown(imprint.digest)}`,
      ...signed.certificates.map(({ subject }) => `  timestamp certificate ${renderName(subject)}`),
    ];
  } catch (cause) {
    if (!(cause instanceof ErthError)) throw cause;
    return [`  timestamp: ${cause.message}`];
  }
}

function certificateLines({
  subject,
  issuer,
  serial,
  notBefore,
  notAfter,
  key,
  extendedKeyUsages,
}: Certificate): readonly string[] {
  return [
    `  certificate ${renderName(subject)}`,
    `    issued by ${renderName(issuer)}`,
    `    serial ${serial.toString(16)}, ${notBefore.toISOString()} to ${notAfter.toISOString()}`,
    `    ${key.type} ${key.bits ?? ""}, usages ${extendedKeyUsages.join(", ") || "any"}`,
  ];
}

function shown(bytes: Uint8Array): string {
  if (bytes.length <= MAX_SHOWN_BYTES) return Buffer.from(bytes).toString("hex");
  return `${Buffer.from(bytes.subarray(0, MAX_SHOWN_BYTES)).toString("hex")}… (${bytes.length} bytes)`;
}

function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}
