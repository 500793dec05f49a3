/**
 * Stages, one for each format of macOS: the finished file is judged by Apple's
 * notary and gets its ticket. A zip has no place for a ticket: what is in it
 * was stapled before. Where the config only submits, the run ends with the
 * submission in the manifest, and `erth notarize --resume` goes on from there.
 */
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "../../runtime/base/errors.ts";
import { checkNotarization } from "../keys/check-signing.ts";
import { type FileSignature, type FormatId, PACKAGE_FORMATS } from "../plan/package-format.ts";
import type { TargetPlan } from "../plan/plan.ts";
import { notarizeFile, stapleFile } from "../sign/notarize.ts";
import { keyProblems } from "./key-checks.ts";
import { grown } from "./sign-file.ts";
import { formatPlan, type Stage, targetStage } from "./stage.ts";

const NO_CREDENTIALS = "no notary credentials are configured";

/** The stages that bring a format's file to Apple and the ticket back; what kind of file it is follows from the format. */
export function notarizeStages(
  lane: FormatId,
  signature: FileSignature = PACKAGE_FORMATS[lane].signature,
): readonly Stage[] {
  return [notarizeStage(lane, signature), stapleStage(lane, signature)];
}

function notarizeStage(lane: FormatId, signature: FileSignature): Stage {
  return targetStage({
    id: `notarize-${lane}`,
    version: 1,
    scope: "target",
    lane,
    isRemote: true,
    needs: ["signed-installer"],
    makes: ["notarization"],
    skip({ signing: { notarize } }) {
      if (notarize === undefined) return NO_CREDENTIALS;
      return notarize === "wait" && signature === "inside" ? "the app in it is notarized and stapled" : undefined;
    },
    preflight: async (ctx) => [
      ...(await keyProblems(ctx, checkNotarization(ctx.keyring))),
      ...unsignedPackage(ctx.target, lane, signature),
    ],
    reads: ({ target }) => ({ values: { mode: target.signing.notarize } }),
    async run(ctx, { "signed-installer": file }) {
      const { keyring, stateFolder, signal } = ctx;
      const report = (line: string): void => ctx.log(line);
      const { path, sha256 } = file;
      const mode = ctx.target.signing.notarize ?? "wait";
      const facts = await notarizeFile({ keyring, stateFolder, signal, path, sha256, mode, report });
      const record = join(ctx.workFolder, "notarization.json");
      await writeFile(record, `${JSON.stringify(facts)}\n`);
      return [{ kind: "notarization", path: record, facts: { ...facts, format: lane } }];
    },
  });
}

function stapleStage(lane: FormatId, signature: FileSignature): Stage {
  return targetStage({
    id: `staple-${lane}`,
    version: 1,
    scope: "target",
    lane,
    isRemote: true,
    needs: ["signed-installer", "notarization"],
    makes: ["stapled-installer"],
    skip({ signing: { notarize } }) {
      if (notarize === undefined) return NO_CREDENTIALS;
      if (notarize === "submit") return "submitted only; later: erth notarize --resume";
      return signature === "inside" ? "the app in it is notarized and stapled" : undefined;
    },
    reads: () => ({}),
    async run(ctx, { "signed-installer": file, notarization }) {
      const { keyring, stateFolder, signal } = ctx;
      const report = (line: string): void => ctx.log(line);
      const { record } = notarization.facts;
      const output = join(ctx.workFolder, formatPlan(ctx.target, lane).fileName);
      await stapleFile({ keyring, stateFolder, signal, report, path: file.path, output, record });
      const facts = grown(file.facts, (await stat(output)).size - file.bytes);
      const notarized = { state: "stapled" as const, record };
      return [{ kind: "stapled-installer", path: output, facts: { ...facts, notarization: notarized } }];
    },
  });
}

/** Apple notarizes no package without a signature of its own, whatever is in it. */
function unsignedPackage({ signing }: TargetPlan, lane: FormatId, signature: FileSignature): readonly Problem[] {
  if (signature !== "pkg" || signing.hasInstallerKey) return [];
  return [
    {
      code: "NOTARY_UNSIGNED",
      message: `The format ${lane} is to be notarized, and there is no key to sign it.`,
      remedy:
        "set signing.apple.installerKey to a Developer ID Installer key, or leave the format out of package.formats",
    },
  ];
}
