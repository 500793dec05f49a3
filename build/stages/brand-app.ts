/**
 * Stage, Windows: the app's own programs get its icon, version information and
 * manifest (UTF-8, sharp on every monitor, long paths). Those are the program
 * that starts the app and the sidecar; Bun and the libraries of a shell stay
 * as their vendors made them. It comes before signing, which covers it all.
 */
import { constants } from "node:fs";
import { cp, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { renderAppManifest } from "../../signing/windows/app-manifest.ts";
import { setResources, type SetResourcesResult } from "../../signing/windows/resources.ts";
import { fourPartVersion } from "../../signing/windows/version-info.ts";
import type { AppFolderFacts, Segment } from "../artifacts/artifact.ts";
import type { Part } from "../config/resolved-config.ts";
import { naming } from "../tools/naming.ts";
import { targetStage } from "./stage.ts";

/** The resource that holds a single executable application's script and data. */
const SEA_BLOB = "NODE_SEA_BLOB";
/** Headers change with each signature; a piece of their own keeps the rest of a runtime as it was. */
const HEAD_BYTES = 4096;

export const brandApp = targetStage<"app" | "icons", "branded-app">({
  id: "brand-app",
  version: 1,
  scope: "target",
  needs: ["app", "icons"],
  makes: ["branded-app"],
  reads({ config }) {
    const { name, version, publisher, description, identifier } = config.app;
    return { values: { name, version, publisher, description, identifier } };
  },
  async run(ctx, { app, icons }) {
    const { name, version, publisher, identifier } = ctx.config.app;
    const icon = await readFile(join(icons.path, "icon.ico"));
    const manifest = renderAppManifest({ identifier, version: fourPartVersion(version) });
    const folder = join(ctx.workFolder, "app");
    await cp(app.path, folder, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE });
    const parts: Record<string, Part | readonly Segment[]> = { ...app.facts.parts };
    for (const program of ownPrograms(app.facts)) {
      const fileName = program.split("/").at(-1) ?? program;
      const isSidecar = program !== app.facts.launch.executable;
      const about = { name, version, publisher, fileName, description: isSidecar ? `${name} (service)` : name };
      const [input, output] = [join(app.path, program), join(folder, program)];
      const placed = await naming(fileName, () =>
        setResources({ input, output, icon, version: about, manifest, signal: ctx.signal }),
      );
      const before = app.facts.parts[program];
      if (before === undefined || typeof before === "string") continue;
      parts[program] = moved(before, placed, (await stat(join(folder, program))).size);
    }
    return [{ kind: "branded-app", path: folder, facts: { ...app.facts, parts } }];
  },
});

/** What starts the app, and programs with a runtime of their own for the sidecar. */
function ownPrograms({ launch, parts }: AppFolderFacts): readonly string[] {
  const sidecars = Object.entries(parts).filter(([path, part]) => path.endsWith(".exe") && isSidecar(part));
  return [...new Set([launch.executable, ...sidecars.map(([path]) => path)])];
}

function isSidecar(part: Part | readonly Segment[]): boolean {
  return typeof part === "string"
    ? part === "sidecar runtime"
    : part.some((segment) => segment.part === "sidecar runtime");
}

/** The segments of a program whose resources have moved: the blob's own, at its new place, and the runtime around them. */
function moved(segments: readonly Segment[], { resources }: SetResourcesResult, bytes: number): readonly Segment[] {
  const blob = resources.find(({ id }) => id === SEA_BLOB);
  const [runtime, ...rest] = segments;
  if (blob === undefined || runtime?.part !== "sidecar runtime") throw new Error(`a sidecar without ${SEA_BLOB}`);
  const shift = blob.fileOffset - runtime.length;
  const inside = rest
    .filter(({ offset }) => offset < runtime.length + blob.length)
    .map((segment) => ({ ...segment, offset: segment.offset + shift }));
  const end = inside.at(-1);
  const blobEnd = end === undefined ? blob.fileOffset : end.offset + end.length;
  const part = "sidecar runtime" as const;
  const headBytes = Math.min(HEAD_BYTES, blob.fileOffset);
  const around: readonly Segment[] = [
    { part, offset: 0, length: headBytes },
    { part, offset: headBytes, length: blob.fileOffset - headBytes },
    ...inside,
    { part, offset: blobEnd, length: bytes - blobEnd },
  ];
  return around.filter(({ length }) => length > 0);
}
