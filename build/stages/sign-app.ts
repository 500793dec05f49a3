/**
 * Stage: the app folder → the same app, its code signed. On macOS without a
 * key every Mach-O gets an ad-hoc signature: code without any is killed at its
 * start on arm64, and pkg leaves none on the sidecar.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { signApp } from "../../signing/apple/sign-app.ts";
import type { AppFolderFacts, Segment } from "../artifacts/artifact.ts";
import { listTree } from "../artifacts/digest.ts";
import type { Part } from "../config/resolved-config.ts";
import { targetStage } from "./stage.ts";

export const AD_HOC = "ad-hoc";

export const signMacApp = targetStage({
  id: "sign-app",
  version: 1,
  scope: "target",
  needs: ["app"],
  makes: ["signed-app"],
  reads: () => ({ values: { signer: AD_HOC } }),
  async run(ctx, { app }) {
    const { bundleName } = app.facts;
    const output = join(ctx.workFolder, bundleName);
    try {
      const signed = await signApp({ app: app.path, output, signal: ctx.signal });
      ctx.log(`${signed.length} executables and libraries, ad hoc: no key is configured`);
    } catch (error) {
      await rm(output, { recursive: true, force: true });
      throw error;
    }
    const parts = await partsOf(output, app.facts);
    return [{ kind: "signed-app", path: output, facts: { ...app.facts, parts, signedBy: AD_HOC } }];
  },
});

/** A signature lies at the end of its file, and seals are new files: both belong to what they sign. */
async function partsOf(folder: string, facts: AppFolderFacts): Promise<AppFolderFacts["parts"]> {
  const parts: Record<string, Part | readonly Segment[]> = {};
  for (const { path, kind, bytes } of await listTree(folder)) {
    if (kind !== "file") continue;
    const before = facts.parts[path] ?? "app code";
    parts[path] = typeof before === "string" ? before : stretched(before, bytes);
  }
  return parts;
}

/** The same segments over a file whose end has moved. */
function stretched(segments: readonly Segment[], bytes: number): readonly Segment[] {
  const kept = segments.filter(({ offset }) => offset < bytes);
  return kept.map((segment, at) => (at === kept.length - 1 ? { ...segment, length: bytes - segment.offset } : segment));
}
