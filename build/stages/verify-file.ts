/**
 * Stage, one for each format: opens the finished file again with somebody
 * else's reader, compares everything with what was staged, and starts the
 * sidecar from what came out where this machine can run it. What nobody here
 * could prove is named, and counted in the manifest.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ProblemsError, type Problem } from "../../runtime/base/errors.ts";
import { hostTarget } from "../plan/target.ts";
import type { FormatId } from "../plan/package-format.ts";
import { WRITERS } from "./package.ts";
import { targetStage, type Stage, type TargetContext } from "./stage.ts";
import type { AppFolder } from "./package/app-tree.ts";
import { compareTrees } from "./verify/compare-trees.ts";
import { chooseReader, type ContainerProof } from "./verify/container-reader.ts";
import { startSidecar } from "./verify/start-sidecar.ts";

/** What was shown of a file, and what was not and why. */
interface Proof {
  readonly proven: readonly string[];
  readonly unproven: readonly string[];
}

export function verifyStage(lane: FormatId): Stage {
  return targetStage({
    id: `verify-${lane}`,
    version: 1,
    scope: "target",
    lane,
    needs: ["stapled-installer", "stapled-app"],
    makes: ["proof"],
    // The reader that is there is part of what is proven: installing one runs the stage again.
    async reads(ctx) {
      const { reader, missing } = await chooseReader(WRITERS[lane].proof.readers(ctx.target.target));
      return { values: { reader: reader?.name, missing, host: hostTarget() } };
    },
    async run(ctx, { "stapled-installer": file, "stapled-app": app }) {
      const { proven, unproven } = await prove(ctx, WRITERS[lane].proof, { file: file.path, app });
      for (const gap of unproven) ctx.log(`not proven: ${gap}`);
      const path = join(ctx.workFolder, "proof.json");
      await writeFile(path, `${JSON.stringify({ proven, unproven })}\n`);
      return [{ kind: "proof", path, facts: { format: lane, proven, unproven } }];
    },
  });
}

async function prove(
  ctx: TargetContext,
  proof: ContainerProof,
  { file, app }: { readonly file: string; readonly app: AppFolder },
): Promise<Proof> {
  const { reader, missing } = await chooseReader(proof.readers(ctx.target.target));
  if (reader === undefined) {
    return {
      proven: [],
      unproven: [`contents: no independent reader is installed (looked for ${missing.join(", ")})`],
    };
  }
  const scratch = join(ctx.workFolder, "scratch");
  await mkdir(scratch);
  try {
    const unpacked = join(scratch, "unpacked");
    ctx.progress({ label: `opened by ${reader.name}`, done: 0, total: 3, unit: "items" });
    await reader.read({ file, folder: unpacked, exec: ctx.exec, signal: ctx.signal });
    ctx.progress({ label: "compared with what was staged", done: 1, total: 3, unit: "items" });
    const fileName = basename(file);
    const appRoot = proof.appRoot(app.facts, ctx.config);
    const { isExtra, decomposesNames } = proof;
    fail(await compareTrees({ staged: app.path, unpacked, appRoot, isExtra, decomposesNames, reader, fileName }));
    const kept = [
      "paths",
      "digests",
      ...(reader.keeps.links ? ["links"] : []),
      ...(reader.keeps.modes ? ["modes"] : []),
    ];
    const proven = [`${kept.join(", ")}: read by ${reader.name}`];
    const unproven = reader.keeps.links && reader.keeps.modes ? [] : [`${reader.name} keeps no ${lost(reader.keeps)}`];
    if (ctx.target.target !== hostTarget()) {
      return { proven, unproven: [...unproven, `start: this machine does not run ${ctx.target.target}`] };
    }
    ctx.progress({ label: "started from what came out", done: 2, total: 3, unit: "items" });
    fail(await startSidecar({ app: join(unpacked, appRoot), folder: join(scratch, "home"), signal: ctx.signal }));
    return { proven: [...proven, "start: the sidecar serves from the unpacked file"], unproven };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function lost({ links, modes }: { readonly links: boolean; readonly modes: boolean }): string {
  return [...(links ? [] : ["links"]), ...(modes ? [] : ["modes"])].join(" and no ");
}

function fail(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ProblemsError(problems);
}
