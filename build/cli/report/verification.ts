/** What a verification found, for people: a file a line, then who signed what. Problems are shown by themselves. */
import { allProblems, type SignatureFacts, type Verification } from "../../../signing/verify.ts";
import { formatSize } from "../../config/size.ts";

/** Ends in a line feed. */
export function renderVerification(verification: Verification): string {
  const mark = allProblems(verification).length === 0 ? "✓" : "✗";
  const lines = [`  ${mark} ${titleOf(verification)}`, ...bodyOf(verification, "      ")];
  return lines.map((line) => `${printable(line)}\n`).join("");
}

/** Without what a terminal would act on: names and texts come from the file. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "?");
}

function titleOf({ name, kind, bytes }: Verification): string {
  return `${name}  ${kind}${bytes === undefined ? "" : `, ${formatSize(bytes)}`}`;
}

function bodyOf(verification: Verification, indent: string): readonly string[] {
  const { signatures, ticket, contents } = verification;
  const tickets = ticket === undefined ? [] : [`notarization ticket: ${ticket}`];
  // Programs and libraries of an app are many, and mostly signed alike: they are counted by who signed them.
  const isWorthALine = ({ kind }: Verification): boolean => kind !== "mach-o" || verification.kind !== "app";
  return [
    ...signatures.flatMap(signatureLines),
    ...tickets,
    ...codeBySigner(contents.filter((inner) => !isWorthALine(inner))),
    ...contents.filter(isWorthALine).flatMap((inner) => [titleOf(inner), ...bodyOf(inner, "  ")]),
  ].map((line) => `${indent}${line}`);
}

function signatureLines({ part, signer, isTrusted, timestamp, timestampAuthority }: SignatureFacts): readonly string[] {
  const where = part === "" ? "" : ` (${part})`;
  const trust = isTrusted === undefined ? "" : isTrusted ? ", trusted" : ", not trusted";
  const lines = [`signed by ${signer}${where}${trust}`];
  if (timestamp !== undefined)
    lines.push(`  at ${timestamp.toISOString()}, says ${timestampAuthority ?? "nobody known"}`);
  return lines;
}

function codeBySigner(code: readonly Verification[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { signatures } of code) {
    const signers = new Set(signatures.map(({ signer }) => signer));
    for (const signer of signers.size === 0 ? ["nobody"] : signers) counts.set(signer, (counts.get(signer) ?? 0) + 1);
  }
  return Array.from(counts, ([signer, count]) => `${count} of ${code.length} programs and libraries by ${signer}`);
}
