/** Debian and RPM packages, AppImages and other ELF files. */
import { withFileRange } from "../../build/formats/byte-range.ts";
import { readElf } from "../../build/formats/elf-reader.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { inspectAppImage } from "../linux/verify-appimage.ts";
import { inspectDeb } from "../linux/verify-deb.ts";
import { inspectRpm, type VerifyLinuxOptions } from "../linux/verify-rpm.ts";
import { openPgpFacts } from "./openpgp-facts.ts";
import { payloadFindings } from "./payload.ts";
import { renderFindings } from "./render.ts";
import type { Inspector, VerifySettings } from "./session.ts";
import type { Findings } from "./verification.ts";

export const deb: Inspector = inspectorOf("deb", async (path, session) => {
  const { problems, signatures, facts } = await inspectDeb(path, linuxOptions(session));
  return { problems, facts, signatures: signatures.map((one) => openPgpFacts(one, "")) };
});

export const rpm: Inspector = inspectorOf("rpm", async (path, session) => {
  const { problems, signatures, facts } = await inspectRpm(path, linuxOptions(session));
  return { problems, facts, signatures: signatures.map((one) => openPgpFacts(one, "")) };
});

export const appImage: Inspector = inspectorOf("appimage", async (path, session) => {
  const { problems, signatures, facts, isTrusted } = await inspectAppImage(path, linuxOptions(session));
  const payload = await payloadFindings(path);
  return {
    problems: [...problems, ...payload.problems],
    facts: { ...facts, ...payload.facts },
    signatures: signatures.map((one) => openPgpFacts(one, "", isTrusted)),
  };
});

/** An ELF file carries no signature; a single file of ours carries digests of everything in it. */
export const elf: Inspector = inspectorOf("elf", async (path) => {
  const problems: Problem[] = [];
  const facts: Record<string, string> = {};
  try {
    const { machine, type, end, size } = await withFileRange(path, async (range) => ({
      ...(await readElf(range)),
      size: range.size,
    }));
    Object.assign(facts, { machine, type }, end < size ? { "behind the program": `${size - end} bytes` } : {});
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems.push({ code: error.code, message: error.message, remedy: error.remedy });
  }
  const payload = await payloadFindings(path);
  return { problems: [...problems, ...payload.problems], facts: { ...facts, ...payload.facts } };
});

function inspectorOf(
  kind: Inspector["kind"],
  verify: (path: string, session: VerifySettings) => Promise<Findings>,
): Inspector {
  return { kind, verify, explain: async (path, session) => renderFindings(kind, await verify(path, session)) };
}

function linuxOptions({ trust, now, limits, signal }: VerifySettings): VerifyLinuxOptions {
  return { keys: trust.openPgpKeys, now, limits, signal };
}
