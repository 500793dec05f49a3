/**
 * Stages, macOS: the signed app is judged by Apple's notary, and gets the
 * ticket of its verdict stapled, so that it starts on a Mac without a network.
 * Both happen before it is packed: what a user drags out of a disk image has to
 * bear the ticket itself.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkNotarization } from "../keys/check-signing.ts";
import type { TargetPlan } from "../plan/plan.ts";
import { notarizeFile, stapleFile } from "../sign/notarize.ts";
import { keyProblems } from "./key-checks.ts";
import { signedParts } from "./signed-parts.ts";
import { targetStage } from "./stage.ts";

function reasonNotTo({ signing }: TargetPlan): string | undefined {
  if (signing.notarize === "wait") return undefined;
  return signing.notarize === "submit" ? "the finished file is submitted" : "no notary credentials are configured";
}

export const notarizeApp = targetStage({
  id: "notarize-app",
  version: 1,
  scope: "target",
  isRemote: true,
  needs: ["signed-app"],
  makes: ["notarization"],
  skip: reasonNotTo,
  preflight: (ctx) => keyProblems(ctx, checkNotarization(ctx.keyring)),
  // The bytes alone decide: the same app has the same verdict, whoever asks.
  reads: () => ({}),
  async run(ctx, { "signed-app": app }) {
    const { keyring, stateFolder, signal } = ctx;
    const report = (line: string): void => ctx.log(line);
    const { path, sha256 } = app;
    const facts = await notarizeFile({ keyring, stateFolder, signal, path, sha256, mode: "wait", report });
    const record = join(ctx.workFolder, "notarization.json");
    await writeFile(record, `${JSON.stringify(facts)}\n`);
    return [{ kind: "notarization", path: record, facts: { ...facts, format: undefined } }];
  },
});

export const stapleApp = targetStage({
  id: "staple-app",
  version: 1,
  scope: "target",
  isRemote: true,
  needs: ["signed-app", "notarization"],
  makes: ["stapled-app"],
  skip: reasonNotTo,
  reads: () => ({}),
  async run(ctx, { "signed-app": app, notarization }) {
    const { keyring, stateFolder, signal } = ctx;
    const report = (line: string): void => ctx.log(line);
    const { record } = notarization.facts;
    const output = join(ctx.workFolder, app.facts.bundleName);
    await stapleFile({ keyring, stateFolder, signal, report, path: app.path, output, record });
    const parts = await signedParts(output, app.facts);
    const facts = { ...app.facts, parts, notarization: { state: "stapled" as const, record } };
    return [{ kind: "stapled-app", path: output, facts }];
  },
});
