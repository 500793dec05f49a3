/** An app package of Windows: a zip whose block map and manifest are signed as a whole. */
import { withFileRange } from "../../build/formats/byte-range.ts";
import { scanZip } from "../../build/formats/zip-scan.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { verifyMsix } from "../windows/verify-msix.ts";
import { authenticodeFacts, authenticodeTimestampProblems } from "./authenticode-facts.ts";
import { renderFindings } from "./render.ts";
import type { Inspector, VerifySession } from "./session.ts";
import type { Findings } from "./verification.ts";

/** The part that makes a zip an app package. */
export const MSIX_MANIFEST = "AppxManifest.xml";

export const msix: Inspector = {
  kind: "msix",
  verify: verifyPackage,
  explain: async (path, session) => renderFindings("msix", await verifyPackage(path, session)),
};

async function verifyPackage(path: string, session: VerifySession): Promise<Findings> {
  const { trust, now, limits } = session;
  const problems: Problem[] = [];
  let entries = 0;
  try {
    const scanned = await withFileRange(path, (range) => scanZip(range, limits));
    problems.push(...scanned.problems);
    entries = scanned.members.length;
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems.push({ code: error.code, message: error.message, remedy: error.remedy });
  }
  const found = await verifyMsix({ file: path, trusted: trust.roots.map(({ der }) => der), now });
  const signatures = found.signature === undefined ? [] : [found.signature];
  return {
    problems: [...problems, ...found.problems, ...authenticodeTimestampProblems(signatures, session)],
    signatures: signatures.map(authenticodeFacts),
    facts: { entries: String(entries) },
  };
}
