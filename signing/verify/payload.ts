/** The payload of a single file of ours, behind an ELF or Windows stub: every byte of it against its digests. */
import { readPayload, payloadFaults } from "../../build/formats/payload-reader.ts";
import { FOOTER_SEARCH_BYTES, findFooters } from "../../build/formats/payload.ts";
import { withFileRange } from "../../build/formats/byte-range.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import type { Findings } from "./verification.ts";

/** Nothing for a file that carries none. */
export async function payloadFindings(path: string): Promise<Findings> {
  const hasFooter = await withFileRange(path, async (range) => {
    const length = Math.min(range.size, FOOTER_SEARCH_BYTES);
    return findFooters(Buffer.from(await range.read(range.size - length, length)), range.size).length > 0;
  });
  if (!hasFooter) return { problems: [] };
  try {
    const payload = await readPayload(path);
    const { app, entries } = payload.index;
    const problems = (await payloadFaults(path, payload)).map(payloadProblem);
    return { problems, facts: { app: `${app.identifier} ${app.version}`, files: String(entries.length) } };
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    return { problems: [{ code: error.code, message: error.message, remedy: error.remedy }] };
  }
}

function payloadProblem(fault: string): Problem {
  return {
    code: "PAYLOAD_DAMAGED",
    message: `Its payload is damaged: ${fault}.`,
    remedy: "make it again: erth package",
  };
}
