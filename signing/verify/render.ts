/** Findings as text, a line for each fact. */
import type { FileKind, Findings, SignatureFacts } from "./verification.ts";

/** What is known of a file whose facts are all there is to decode. */
export function renderFindings(kind: FileKind, { problems, signatures = [], facts = {} }: Findings): string {
  const lines = [
    kind,
    ...Object.entries(facts).map(([name, value]) => `  ${name}: ${value}`),
    ...(signatures.length === 0 ? ["  signer: none"] : signatures.flatMap(signatureLines)),
    ...problems.map(({ code, message }) => `problem ${code}: ${message}`),
  ];
  // Names come from the file, and may hold what a terminal would act on.
  return lines.map((line) => `${line.replaceAll(/\p{Cc}/gu, "?")}\n`).join("");
}

function signatureLines({ scheme, part, signer, claimedTime, facts }: SignatureFacts): readonly string[] {
  return [
    `  signer: ${signer}`,
    `    ${scheme}${part === "" ? "" : ` in ${part}`}, at ${claimedTime?.toISOString() ?? "an unknown time"}`,
    ...Object.entries(facts).map(([name, value]) => `    ${name}: ${value}`),
  ];
}
