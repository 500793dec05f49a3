/** An installer package of macOS. */
import { explainXar } from "../apple/explain-image.ts";
import { inspectXar } from "../apple/verify-xar.ts";
import { appleSigner, appleTimestampProblems, codeOptions } from "./code-facts.ts";
import type { Inspector } from "./session.ts";
import { ticketFacts } from "./ticket-facts.ts";

export const pkg: Inspector = {
  kind: "pkg",
  async verify(path, session) {
    const { problems, archive, ...signer } = await inspectXar(path, codeOptions(session), session.signal);
    const isSigned = signer.chain.length > 0;
    const checksum = archive && Buffer.from(archive.checksum).toString("hex");
    return {
      problems: [...problems, ...appleTimestampProblems(signer.timestampChain, session)],
      signatures: isSigned
        ? [{ scheme: "RSA and CMS", part: "", ...appleSigner(signer), facts: { checksum: checksum ?? "" } }]
        : [],
      ticket: archive?.ticket === undefined ? "none" : "stapled",
      facts: ticketFacts(archive?.ticket, checksum === undefined ? [] : [checksum.slice(0, 40)]),
    };
  },
  explain: (path, session) => explainXar(path, codeOptions(session), session.signal),
};
