/** A Windows program or library. */
import { explainPe } from "../windows/explain-pe.ts";
import { verifyPe } from "../windows/verify-pe.ts";
import { authenticodeFacts, authenticodeTimestampProblems } from "./authenticode-facts.ts";
import { payloadFindings } from "./payload.ts";
import type { Inspector } from "./session.ts";

export const pe: Inspector = {
  kind: "pe",
  async verify(path, session) {
    const { trust, now, signal } = session;
    const trusted = trust.roots.map(({ der }) => der);
    const { problems, signatures } = await verifyPe({ file: path, trusted, now, ...(signal ? { signal } : {}) });
    const payload = await payloadFindings(path);
    return {
      problems: [...problems, ...authenticodeTimestampProblems(signatures, session), ...payload.problems],
      signatures: signatures.map(authenticodeFacts),
      facts: payload.facts ?? {},
    };
  },
  explain: (path) => explainPe(path),
};
