/**
 * What a signature says, as text: for `erth verify --explain`, and the format
 * of golden tests. Two spaces a level, one fact a line, nothing that depends
 * on the machine.
 */
import { basename } from "node:path";
import { certificateName } from "../cms/certificate.ts";
import { CODE_FLAG, type CodeDirectory } from "./code-directory.ts";
import { codeHashOf, directoryHash } from "./code-hash.ts";
import type { DecodedSignature } from "./decode-signature.ts";
import type { Entitlements } from "./entitlements.ts";
import { renderRequirement } from "./requirement-text.ts";
import { SLOT } from "./super-blob.ts";
import { inspectApp, type VerifyAppOptions } from "./verify-app.ts";
import { inspectMachO, type VerifiedMachO, type VerifiedSlice, type VerifyMachOOptions } from "./verify-mach-o.ts";
import type { CmsFindings } from "./verify-cms.ts";
import { requirementText, type SignerFindings } from "./verify-signature.ts";

const FILE_TYPES: Readonly<Record<number, string>> = { 2: "program", 6: "library", 8: "bundle" };
const BLOB_NAMES: Readonly<Record<number, string>> = {
  [SLOT.codeDirectory]: "CodeDirectory",
  [SLOT.requirements]: "requirements",
  [SLOT.entitlements]: "entitlements (XML)",
  [SLOT.entitlementsDer]: "entitlements (DER)",
  [SLOT.cms]: "CMS",
  [SLOT.ticket]: "ticket",
};
const SLOT_NAMES: Readonly<Record<number, string>> = {
  [SLOT.infoPlist]: "Info.plist",
  [SLOT.requirements]: "requirements",
  [SLOT.codeResources]: "CodeResources",
  [SLOT.entitlements]: "entitlements (XML)",
  [SLOT.diskImageTrailer]: "disk image",
  [SLOT.entitlementsDer]: "entitlements (DER)",
};

/** The decoded signature of a Mach-O file, with its problems. */
export async function explainMachO(options: VerifyMachOOptions): Promise<string> {
  return `${explain(basename(options.path), await inspectMachO(options)).join("\n")}\n`;
}

/** The decoded signatures of all code in an app, then the problems of the whole. */
export async function explainApp(options: VerifyAppOptions): Promise<string> {
  const { bundles, code, problems } = await inspectApp(options);
  const lines: string[] = bundles.map(
    ({ path, identifier, executable }) => `bundle ${path === "" ? "." : path}: ${identifier}, executable ${executable}`,
  );
  for (const [path, verified] of code) lines.push(...explain(path, { ...verified, problems: [] }));
  lines.push(...problemLines(problems));
  return `${lines.join("\n")}\n`;
}

function explain(name: string, { slices, problems }: VerifiedMachO): readonly string[] {
  return [
    name,
    ...slices.flatMap((slice) => indent(explainSlice(slice))),
    ...(slices.some(({ signature }) => signature !== undefined) ? [`  designated: ${requirementText(slices)}`] : []),
    ...problemLines(problems),
  ];
}

/** A line for each problem. */
export function problemLines(
  problems: readonly { readonly code: string; readonly message: string }[],
): readonly string[] {
  return problems.map(({ code, message }) => `problem ${code}: ${message}`);
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

function explainSlice(slice: VerifiedSlice): readonly string[] {
  const { architecture, machO, signature, entitlements } = slice;
  const head = `${architecture} ${FILE_TYPES[machO.fileType] ?? `file type ${machO.fileType}`}, SDK ${version(machO.sdkVersion)}`;
  if (signature === undefined || machO.signature === undefined) return [head, "  no signature"];
  return [head, ...indent(explainSignature(machO.signature, signature, slice, entitlements))];
}

/** A signature's blobs, directories, requirement and signer; where it lies comes first. */
export function explainSignature(
  { offset, size }: { readonly offset: number; readonly size: number },
  signature: DecodedSignature,
  { designated, cms }: Pick<SignerFindings, "designated" | "cms">,
  entitlements: Entitlements = {},
): readonly string[] {
  return [
    `signature: ${size} bytes at ${offset}`,
    ...signature.blobs.map(
      ({ slot, bytes }) => `  ${BLOB_NAMES[slot] ?? `slot 0x${slot.toString(16)}`}: ${bytes.length} bytes`,
    ),
    ...signature.directories.flatMap(explainDirectory),
    ...(designated === undefined ? [] : [`requirement: ${renderRequirement(designated)}`]),
    ...Object.entries(entitlements).map(([key, value]) => `entitlement ${key}: ${JSON.stringify(value)}`),
    ...(cms === undefined ? ["signer: none (ad hoc)"] : explainSigner(cms)),
  ];
}

/** Who signed and when, as Apple's roots see it. */
export function explainSigner(
  cms: Pick<CmsFindings, "chain" | "isTrusted" | "signingTime" | "timestamp">,
): readonly string[] {
  return [
    ...cms.chain.map((certificate) => `signer: ${certificateName(certificate)}`),
    `anchor: ${cms.isTrusted ? "Apple" : "not Apple"}`,
    `signing time: ${cms.signingTime?.toISOString() ?? "none"}`,
    `timestamp: ${cms.timestamp?.toISOString() ?? "none"}`,
  ];
}

function explainDirectory(directory: CodeDirectory): readonly string[] {
  const { codeLimit, execSegment, flags, hashBytes, identifier, pageSizeLog2, pages, runtimeVersion, teamId } =
    directory;
  const hash = codeHashOf(directory)?.name ?? `hash type ${directory.hashType}`;
  const lines = [
    `CodeDirectory v0x${directory.version.toString(16)}, ${hash} of ${hashBytes} bytes`,
    `  cdhash: ${directoryHash(directory).hex.slice(0, 40)}`,
    `  identifier: ${identifier}`,
    `  team: ${teamId ?? "none"}`,
    `  flags: 0x${flags.toString(16)}${flagNames(flags)}`,
    `  code: ${codeLimit} bytes in ${pages} pages of 2^${pageSizeLog2}`,
  ];
  if (execSegment !== undefined) {
    lines.push(
      `  executable segment: ${execSegment.limit} bytes at ${execSegment.base}, flags 0x${execSegment.flags.toString(16)}`,
    );
  }
  if (runtimeVersion !== undefined) lines.push(`  runtime: ${version(runtimeVersion)}`);
  for (let slot = Math.min(directory.specialSlots, 64); slot > 0; slot -= 1) {
    const value = Buffer.from(directory.specialHash(slot) ?? []);
    const text = value.every((byte) => byte === 0) ? "none" : value.toString("hex");
    lines.push(`  slot -${slot} ${SLOT_NAMES[slot] ?? ""}: ${text}`.replace(" :", ":"));
  }
  return lines;
}

function flagNames(flags: number): string {
  const names = Object.entries(CODE_FLAG).filter(([, bit]) => (flags & bit) !== 0);
  return names.length === 0 ? "" : ` (${names.map(([name]) => name).join(", ")})`;
}

/** `0x000f0500` is 15.5. */
function version(packed: number): string {
  const patch = packed & 0xff;
  return `${packed >>> 16}.${(packed >>> 8) & 0xff}${patch === 0 ? "" : `.${patch}`}`;
}
