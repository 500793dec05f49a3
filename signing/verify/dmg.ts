/** A disk image, and what is in it where a reader of its file system is at hand. */
import { explainDmg } from "../apple/explain-image.ts";
import { inspectDmg } from "../apple/verify-dmg.ts";
import { appleTimestampProblems, codeFacts, codeOptions } from "./code-facts.ts";
import { verifyDiskContents } from "./disk-contents.ts";
import type { Inspector } from "./session.ts";
import { ticketFacts } from "./ticket-facts.ts";

export const dmg: Inspector = {
  kind: "dmg",
  async verify(path, session) {
    const { problems, image, signature, ticket, dataChecksum, ...signer } = await inspectDmg(
      path,
      codeOptions(session),
    );
    const { cdHashes = [], cms, designated } = signer;
    const facts = codeFacts({ signature, cdHashes, cms, designated }, "");
    const inside = image === undefined ? undefined : await verifyDiskContents(path, session);
    return {
      problems: [
        ...problems,
        ...appleTimestampProblems(cms?.timestampChain ?? [], session),
        ...(inside?.problems ?? []),
      ],
      signatures: facts === undefined ? [] : [facts],
      ticket: ticket === undefined ? "none" : "stapled",
      facts: {
        ...(dataChecksum === undefined ? {} : { checksum: dataChecksum }),
        ...ticketFacts(ticket, cdHashes),
        ...inside?.facts,
      },
      contents: inside?.contents ?? [],
    };
  },
  explain: (path, session) => explainDmg(path, codeOptions(session)),
};
