/** A Windows Installer file. */
import { explainMsi } from "../windows/explain-msi.ts";
import { verifyMsi } from "../windows/verify-msi.ts";
import { authenticodeFacts, authenticodeTimestampProblems } from "./authenticode-facts.ts";
import type { Inspector } from "./session.ts";

export const msi: Inspector = {
  kind: "msi",
  async verify(path, session) {
    const { trust, now, signal } = session;
    const { problems, signatures, kind, isExtended } = await verifyMsi(path, { trusted: trust.roots, now }, signal);
    return {
      problems: [...problems, ...authenticodeTimestampProblems(signatures, session)],
      signatures: signatures.map(authenticodeFacts),
      facts: { kind: kind ?? "unknown", signed: isExtended ? "content, names and times" : "content" },
    };
  },
  explain: (path) => explainMsi(path),
};
