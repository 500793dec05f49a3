/**
 * `manifest.json` of a release: every finished file, what it was made from,
 * how big each part is, who signed it. It holds no time and no path outside
 * its own folder, so the same sources give the same manifest.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";
import { PARTS, type ResolvedConfig } from "../config/resolved-config.ts";
import type { Plan } from "../plan/plan.ts";
import { TARGETS } from "../plan/target.ts";
import type { RunResult } from "../stages/run.ts";
import type { Sha256 } from "./artifact.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.number().int().nonnegative();
const byPart = z.record(z.enum(PARTS), bytes);

const manifestFile = z.strictObject({
  kind: z.literal("installer"),
  target: z.enum(TARGETS),
  /** Relative to the manifest's folder. */
  path: z.string().regex(/^[^/\\]+$/),
  bytes,
  sha256,
  format: z.enum(["single-file", "zip"]),
  shell: z.enum(["electrobun", "webview"]),
  /** Why the shell is not the configured one; absent when it is. */
  fallbackReason: z.string().optional(),
  sidecar: z.enum(["pkg", "bun"]),
  /** Null: not signed. */
  signedBy: z.string().nullable(),
  /** The artifacts it was made from, by kind. */
  from: z.array(z.strictObject({ kind: z.string(), sha256 })),
  /** Contribution of each part to the file, and to the installed app. */
  compressedBytes: byPart,
  diskBytes: byPart,
});

const manifestSchema = z.strictObject({
  schema: z.literal(1),
  name: z.string(),
  slug: z.string(),
  identifier: z.string(),
  version: z.string(),
  artifacts: z.array(manifestFile),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestFile = z.infer<typeof manifestFile>;

/** The manifest of what a run made; pure. */
export function createManifest(config: ResolvedConfig, plan: Plan, result: RunResult): Manifest {
  const kinds = new Map<Sha256, string>();
  for (const artifacts of result.values()) for (const artifact of artifacts) kinds.set(artifact.sha256, artifact.kind);

  const artifacts = plan.targets.flatMap(({ target, shell, sidecar, fileName }) =>
    (result.get(target) ?? []).flatMap((artifact): ManifestFile[] => {
      if (artifact.kind !== "installer") return [];
      return [
        {
          kind: "installer",
          target,
          path: fileName,
          bytes: artifact.bytes,
          sha256: artifact.sha256,
          format: artifact.facts.format,
          shell: artifact.facts.shell,
          ...(shell.fallbackReason === undefined ? {} : { fallbackReason: shell.fallbackReason }),
          sidecar,
          signedBy: artifact.facts.signedBy,
          from: artifact.from.map((digest) => ({ kind: kinds.get(digest) ?? "unknown", sha256: digest })),
          compressedBytes: { ...artifact.facts.compressedBytes },
          diskBytes: { ...artifact.facts.diskBytes },
        },
      ];
    }),
  );
  const { name, slug, identifier, version } = config.app;
  return { schema: 1, name, slug, identifier, version, artifacts };
}

/** The manifest's text: two spaces, a final newline, files in the order of `TARGETS`. */
export function renderManifest(manifest: Manifest): string {
  const order = (file: ManifestFile): number => TARGETS.indexOf(file.target);
  const artifacts = [...manifest.artifacts].sort((a, b) => order(a) - order(b));
  return `${JSON.stringify({ ...manifest, artifacts }, null, 2)}\n`;
}

/** `SHA256SUMS` as `sha256sum --check` reads it. */
export function renderSha256Sums(manifest: Manifest): string {
  const lines = manifest.artifacts.map((file) => `${file.sha256}  ${file.path}\n`);
  return lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join("");
}

/** Reads and checks a manifest. Undefined if there is none; `MANIFEST_INVALID` if it is not one. */
export async function readManifest(path: string): Promise<Manifest | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new ErthError({
      code: "MANIFEST_INVALID",
      message: `${path} is not a manifest: ${cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause)}`,
      remedy: "delete the file and run erth release again",
      cause,
    });
  }
}
