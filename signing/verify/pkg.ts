/** An installer package of macOS, and the apps that it installs. */
import { join } from "node:path";
import { componentNames } from "../../build/formats/pkg-reader.ts";
import type { XarArchive } from "../../build/formats/xar.ts";
import { explainXar } from "../apple/explain-image.ts";
import { inspectXar } from "../apple/verify-xar.ts";
import { appleSigner, appleTimestampProblems, codeOptions } from "./code-facts.ts";
import type { Inspector, VerifySession } from "./session.ts";
import { ticketFacts } from "./ticket-facts.ts";
import { unpackPkg } from "./unpack-pkg.ts";
import type { Findings, Verification } from "./verification.ts";

export const pkg: Inspector = {
  kind: "pkg",
  async verify(path, session) {
    const { problems, archive, ...signer } = await inspectXar(path, codeOptions(session), session.signal);
    const isSigned = signer.chain.length > 0;
    const checksum = archive && Buffer.from(archive.checksum).toString("hex");
    const inside = archive === undefined ? undefined : await contentsOf(path, archive, session);
    return {
      problems: [...problems, ...appleTimestampProblems(signer.timestampChain, session), ...(inside?.problems ?? [])],
      signatures: isSigned
        ? [{ scheme: "RSA and CMS", part: "", ...appleSigner(signer), facts: { checksum: checksum ?? "" } }]
        : [],
      ticket: archive?.ticket === undefined ? "none" : "stapled",
      facts: {
        ...ticketFacts(archive?.ticket, checksum === undefined ? [] : [checksum.slice(0, 40)]),
        ...inside?.facts,
      },
      contents: inside?.contents ?? [],
    };
  },
  explain: (path, session) => explainXar(path, codeOptions(session), session.signal),
};

/** What the components of a package install; a XAR without one has nothing to look into. */
async function contentsOf(path: string, archive: XarArchive, session: VerifySession): Promise<Findings> {
  if (componentNames(archive).length === 0) return { problems: [] };
  const { problems, components, folder, apps } = await unpackPkg(path, session);
  const contents: Verification[] = [];
  for (const app of apps) contents.push(await session.verifyInner(join(folder, app), app));
  const isUnread = components.some(({ form }) => form === "other");
  return { problems, contents, facts: { contents: isUnread ? "not opened" : `${contents.length} apps` } };
}
