/** An app package of Windows: as a zip, its blocks, its signature, then every program in it. */
import { join } from "node:path";
import { withFileRange } from "../../build/formats/byte-range.ts";
import { readMsix } from "../../build/formats/msix-reader.ts";
import { decodePartName } from "../../build/formats/opc.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { explainMsix } from "../windows/explain-msix.ts";
import { verifyMsix } from "../windows/verify-msix.ts";
import { authenticodeFacts, authenticodeTimestampProblems } from "./authenticode-facts.ts";
import type { Inspector } from "./session.ts";
import { unpackCode } from "./unpack-code.ts";
import type { Verification } from "./verification.ts";

export const msix: Inspector = {
  kind: "msix",
  async verify(path, session) {
    const { trust, now, signal } = session;
    const { problems, scanned, folder, found } = await unpackCode(path, session);
    // A bomb is not opened twice.
    if (scanned.members.length === 0) return { problems };
    const trusted = trust.roots.map(({ der }) => der);
    const verified = await verifyMsix({ file: path, trusted, now, signal });
    const signatures = verified.signature === undefined ? [] : [verified.signature];
    const contents: Verification[] = [];
    for (const name of found) {
      contents.push(await session.verifyInner(join(folder, name), decodePartName(name) ?? name));
    }
    const { identity } = verified;
    return {
      problems: unrepeated([
        ...problems,
        ...(await blockProblems(path)),
        ...verified.problems,
        ...authenticodeTimestampProblems(signatures, session),
      ]),
      signatures: signatures.map(authenticodeFacts),
      facts:
        identity === undefined
          ? {}
          : { package: `${identity.name} ${identity.version}`, publisher: identity.publisher },
      contents,
    };
  },
  explain: (path) => explainMsix(path),
};

async function blockProblems(path: string): Promise<readonly Problem[]> {
  try {
    return (await withFileRange(path, readMsix)).problems;
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    return [{ code: error.code, message: error.message, remedy: error.remedy }];
  }
}

/** Several readers find the same fault of the zip. */
function unrepeated(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.code} ${problem.message}`, problem])).values()];
}
