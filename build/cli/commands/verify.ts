/** `erth verify [file…]`: reopens finished files and lists every problem; without files, those of the last release. */
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { AD_HOC } from "../../../signing/who-signed.ts";
import {
  allProblems,
  allSignatures,
  explainFile,
  type Verification,
  verifyFile,
  type VerifySettings,
} from "../../../signing/verify.ts";
import { joinTrust, parseTrust } from "../../../signing/verify/trust.ts";
import { ErthError, type Problem, ProblemsError, systemCode } from "../../../runtime/base/errors.ts";
import { checkRelease, lastRelease } from "../../artifacts/check-release.ts";
import type { ManifestFile } from "../../artifacts/manifest.ts";
import { EXIT, type Command, type CommandContext } from "../command.ts";
import { printable, renderVerification } from "../report/verification.ts";

export const verify: Command = {
  name: "verify",
  summary: "reopen finished files with independent readers; list every problem",
  takesArguments: true,
  async run(ctx) {
    const { roots, openPgpKeys, minisignKeys } = await readTrust(ctx);
    const settings: VerifySettings = {
      trust: { roots, openPgpKeys, minisignKeys },
      now: new Date(),
      signal: ctx.signal,
    };
    const { problems, verifications } =
      ctx.args.length > 0 ? await verifyNamed(ctx, settings) : await verifyRelease(ctx, settings);
    for (const { code, message, remedy } of problems)
      ctx.report({ type: "problem", code, message: printable(message), remedy });
    const isWindows = verifications
      .flatMap((one) => allSignatures(one))
      .some(([, one]) => one.scheme === "Authenticode");
    if (isWindows && roots.length === 0) {
      const text = "no root was given (--trust): the chains of Windows signatures are told as found, not judged.";
      ctx.report({ type: "notice", text });
    }
    return problems.length > 0 ? EXIT.problemsFound : EXIT.done;
  },
};

interface Verified {
  readonly problems: readonly Problem[];
  readonly verifications: readonly Verification[];
}

async function verifyNamed(ctx: CommandContext, settings: VerifySettings): Promise<Verified> {
  const verifications: Verification[] = [];
  const unusable: Problem[] = [];
  for (const arg of ctx.args) {
    try {
      verifications.push(await show(ctx, resolve(ctx.cwd, arg), settings));
    } catch (error) {
      if (!(error instanceof ErthError) || !/^(USAGE|VERIFY)_/.test(error.code)) throw error;
      unusable.push(error);
    }
  }
  const problems = verifications.flatMap((one) => allProblems(one));
  if (unusable.length > 0) throw new ProblemsError([...unusable, ...problems]);
  return { problems, verifications };
}

async function verifyRelease(ctx: CommandContext, settings: VerifySettings): Promise<Verified> {
  const release = await lastRelease(ctx.flags.out);
  const { problems: found, missing } = await checkRelease(release);
  const problems = [...found];
  const verifications: Verification[] = [];
  for (const file of release.manifest.artifacts) {
    if (missing.has(file.path)) continue;
    // What the manifest says that nobody signed is unsigned on purpose.
    const mayBeUnsigned = file.signedBy === null || file.signedBy === AD_HOC;
    const verification = await show(ctx, join(release.folder, file.path), { ...settings, mayBeUnsigned });
    verifications.push(verification);
    problems.push(...allProblems(verification), ...signerProblems(file, verification));
  }
  return { problems, verifications };
}

async function show(ctx: CommandContext, path: string, settings: VerifySettings): Promise<Verification> {
  const verification = await verifyFile(path, settings);
  const explained = ctx.flags.explain ? await explainFile(path, settings) : undefined;
  ctx.report({
    type: "result",
    name: "verify",
    value: { path, ...verification, explained },
    text: explained === undefined ? renderVerification(verification) : `${printable(basename(path))}\n${explained}`,
  });
  return verification;
}

/** The manifest says who signed; the file has to agree, where one can look into it. */
function signerProblems(file: ManifestFile, verification: Verification): readonly Problem[] {
  const report = (what: string): readonly Problem[] => [
    {
      code: "VERIFY_SIGNER",
      message: `${file.path}: manifest.json says ${what}.`,
      remedy: "get the files again from the place you trust, or: erth release",
    },
  ];
  const signers = allSignatures(verification).map(([, { signer }]) => signer);
  const own = verification.signatures.map(({ signer }) => signer);
  const isOpened = verification.contents.length > 0;
  const { signature, codeSignature, notarization } = file;
  const tickets = [verification, ...verification.contents].map(({ ticket }) => ticket);
  return [
    ...(signature === undefined || own.includes(signature.by) ? [] : report(`that ${signature.by} signed it`)),
    ...(codeSignature === undefined || !isOpened || signers.includes(codeSignature.by)
      ? []
      : report(`that ${codeSignature.by} signed its code`)),
    ...(notarization?.state !== "stapled" || !isOpened || tickets.includes("stapled")
      ? []
      : report("that a ticket is stapled to it")),
  ];
}

async function readTrust({ flags, cwd }: CommandContext) {
  const problems: Problem[] = [];
  const parts = [];
  for (const name of flags.trust) {
    try {
      parts.push(await parseTrust(await readFile(resolve(cwd, name)), name));
    } catch (error) {
      const code = systemCode(error);
      if (error instanceof ErthError) problems.push(error);
      else if (code === undefined) throw error;
      else problems.push(unreadableTrust(name, code));
    }
  }
  if (problems.length > 0) throw new ProblemsError(problems);
  return joinTrust(parts);
}

function unreadableTrust(name: string, code: string): Problem {
  const remedy = "give a root certificate in PEM, gpg --armor --export KEY, or a minisign .pub file";
  return { code: "USAGE_TRUST", message: `--trust ${name} cannot be read (${code}).`, remedy };
}
