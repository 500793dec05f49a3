/** An `.app` folder: every signature in it, what the seals cover, and the stapled ticket. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../../runtime/base/errors.ts";
import { explainApp } from "../apple/explain.ts";
import { ticketFault } from "../apple/notary/ticket.ts";
import { inspectApp } from "../apple/verify-app.ts";
import { ticketProblem } from "../apple/verify-dmg.ts";
import { codeOptions } from "./code-facts.ts";
import { machOFindings, withoutName } from "./mach-o.ts";
import type { Inspector } from "./session.ts";
import { ticketFacts } from "./ticket-facts.ts";
import type { Verification } from "./verification.ts";

/** Beside the seal, and unrelated to it: `Contents/CodeResources` is the ticket. */
const TICKET_PATH = "Contents/CodeResources";

export const app: Inspector = {
  kind: "app",
  async verify(path, session) {
    const { problems, bundles, code } = await inspectApp({ ...codeOptions(session), app: path });
    const contents = Array.from(code, ([name, verified]): Verification => {
      const { problems: own, signatures = [], facts = {} } = machOFindings({ ...verified, problems: [] }, session);
      const rest = { bytes: undefined, ticket: undefined, contents: [] };
      return { name, kind: "mach-o", problems: own, signatures, facts, ...rest };
    });
    const ticket = await readTicket(path);
    const fault = ticket && ticketFault(ticket);
    const main = contents.find(({ name }) => name === bundles.at(-1)?.executable);
    return {
      problems: [...withoutName(problems, path), ...(fault === undefined ? [] : [ticketProblem(fault)])],
      signatures: main?.signatures ?? [],
      ticket: ticket === undefined ? "none" : "stapled",
      facts: {
        bundles: String(bundles.length),
        code: String(code.size),
        ...ticketFacts(ticket, code.get(main?.name ?? "")?.slices.flatMap(({ cdHashes }) => cdHashes) ?? []),
      },
      contents,
    };
  },
  explain: (path, session) => explainApp({ ...codeOptions(session), app: path }),
};

async function readTicket(app: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(join(app, TICKET_PATH));
  } catch (error) {
    // Old bundles have a link to the seal here, or nothing.
    if (systemCode(error) === "ENOENT" || systemCode(error) === "EISDIR") return undefined;
    throw error;
  }
}
