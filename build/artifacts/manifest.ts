/**
 * `manifest.json` of a release: every finished file, what it was made from,
 * how big each part is, who signed it. It holds no path outside its own folder,
 * and no time but those of signatures, so the same files give the same manifest.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";
import { submissionSchema } from "../../signing/apple/notary/submission.ts";
import { PARTS, type ResolvedConfig } from "../config/resolved-config.ts";
import type { Plan } from "../plan/plan.ts";
import { FORMAT_IDS, type FormatId } from "../plan/package-format.ts";
import { TARGETS, type Target } from "../plan/target.ts";
import type { RunResult } from "../stages/run.ts";
import {
  INSTALLER_STATES,
  type ArtifactOf,
  type InstallerFacts,
  type InstallerState,
  type ProofFacts,
  type Sha256,
} from "./artifact.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.number().int().nonnegative();
const byPart = z.record(z.enum(PARTS), bytes);

const anyFile = {
  target: z.enum(TARGETS),
  /** Relative to the manifest's folder. */
  path: z.string().regex(/^[^/\\]+$/),
  bytes,
  sha256,
  format: z.enum(FORMAT_IDS),
  /** The artifacts it was made from, by kind. */
  from: z.array(z.strictObject({ kind: z.string(), sha256 })),
};

const whoSigned = z.strictObject({
  /** Common name of the certificate, or "ad-hoc". */
  by: z.string(),
  /** SHA-256 of the certificate; null ad hoc. */
  fingerprint: sha256.nullable(),
  /** When a timestamp authority saw it; null without a timestamp. */
  timestamp: z.iso.datetime().nullable(),
});

const notarization = z.strictObject({
  state: z.enum(["submitted", "accepted", "stapled"]),
  /** Enough to wait for the verdict elsewhere; absent where Apple's own tool submitted it. */
  record: submissionSchema.optional(),
});

const manifestFile = z.strictObject({
  kind: z.literal("installer"),
  ...anyFile,
  shell: z.enum(["electrobun", "webview"]),
  /** Why the shell is not the configured one; absent when it is. */
  fallbackReason: z.string().optional(),
  sidecar: z.enum(["pkg", "bun"]),
  /** Null: not signed. */
  signedBy: z.string().nullable(),
  /** The signature of the app inside, and of the file itself; absent where there is none. */
  codeSignature: whoSigned.optional(),
  signature: whoSigned.optional(),
  /** Apple's word on the app inside, or on the file itself; absent where it was not asked. */
  notarization: notarization.optional(),
  /** Digest of the app folder inside. */
  app: sha256,
  /** What `erth release` showed of the finished file; both empty where it was not asked to. */
  proven: z.array(z.string()),
  /** What nobody here could show, and why. */
  unproven: z.array(z.string()),
  /** Contribution of each part to the file, and to the installed app. */
  compressedBytes: byPart,
  diskBytes: byPart,
});

const companionFile = z.strictObject({
  kind: z.literal("companion"),
  ...anyFile,
  role: z.enum(["openpgp", "minisign", "zsync"]),
  /** Whose signature it is; absent for what is none. */
  signedBy: z.string().optional(),
});

const manifestSchema = z.strictObject({
  schema: z.literal(1),
  name: z.string(),
  slug: z.string(),
  identifier: z.string(),
  version: z.string(),
  artifacts: z.array(manifestFile),
  /** Bytes of the sidecar's script by package: who is to blame when app code grows. */
  packages: z.record(z.string(), bytes),
  /** What goes beside those files: detached signatures, control files. */
  companions: z.array(companionFile),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestFile = z.infer<typeof manifestFile>;
export type CompanionFile = z.infer<typeof companionFile>;

/** The manifest of what a run made; pure. */
export function createManifest(config: ResolvedConfig, plan: Plan, result: RunResult): Manifest {
  const kinds = new Map<Sha256, string>();
  for (const artifacts of result.values()) for (const artifact of artifacts) kinds.set(artifact.sha256, artifact.kind);
  const sources = (from: readonly Sha256[]): ManifestFile["from"] =>
    from.map((digest) => ({ kind: kinds.get(digest) ?? "unknown", sha256: digest }));

  const artifacts = plan.targets.flatMap(({ target, shell, sidecar, formats }) =>
    formats.flatMap(({ id, fileName }): ManifestFile[] => {
      const artifact = finishedFile(result, target, id);
      if (artifact === undefined) return [];
      const { facts } = artifact;
      return [
        {
          kind: "installer",
          target,
          path: fileName,
          bytes: artifact.bytes,
          sha256: artifact.sha256,
          format: id,
          shell: facts.shell,
          ...(shell.fallbackReason === undefined ? {} : { fallbackReason: shell.fallbackReason }),
          sidecar,
          signedBy: facts.signedBy,
          ...signingOf(result, target, id, facts),
          app: facts.app,
          proven: [...(proofOf(result, target, id)?.proven ?? [])],
          unproven: [...(proofOf(result, target, id)?.unproven ?? [])],
          from: sources(artifact.from),
          compressedBytes: { ...facts.compressedBytes },
          diskBytes: { ...facts.diskBytes },
        },
      ];
    }),
  );
  const companions = plan.targets.flatMap(({ target, formats }) =>
    (result.get(target) ?? []).flatMap((artifact): CompanionFile[] => {
      if (artifact.kind !== "companion") return [];
      const { role, format, suffix, signedBy } = artifact.facts;
      const path = `${formats.find(({ id }) => id === format)?.fileName ?? format}${suffix}`;
      const { bytes, sha256 } = artifact;
      const from = sources(artifact.from);
      const signer = signedBy === undefined ? {} : { signedBy };
      return [{ kind: "companion", target, path, bytes, sha256, format, role, ...signer, from }];
    }),
  );
  const { name, slug, identifier, version } = config.app;
  const bundle = result.get("any")?.find((artifact) => artifact.kind === "sidecar-bundle");
  const packages = { ...bundle?.facts.packages };
  return { schema: 1, name, slug, identifier, version, artifacts, packages, companions };
}

/** The last state of a target's file of this format. */
function finishedFile(result: RunResult, target: Target, format: FormatId): ArtifactOf<InstallerState> | undefined {
  const made = result.get(target) ?? [];
  return INSTALLER_STATES.flatMap((state) =>
    made.filter(
      (artifact): artifact is ArtifactOf<InstallerState> => artifact.kind === state && artifact.facts.format === format,
    ),
  )[0];
}

/** Who signed a file and what is in it, and Apple's word on it: what is not known is absent. */
function signingOf(
  result: RunResult,
  target: Target,
  format: FormatId,
  { codeSignature, signature, notarization: stapled }: InstallerFacts,
): Pick<ManifestFile, "codeSignature" | "signature" | "notarization"> {
  const submitted = (result.get(target) ?? []).find(
    (artifact): artifact is ArtifactOf<"notarization"> =>
      artifact.kind === "notarization" && artifact.facts.format === format,
  );
  const { state, record } = stapled ?? submitted?.facts ?? {};
  return {
    ...(codeSignature === undefined ? {} : { codeSignature }),
    ...(signature === undefined ? {} : { signature }),
    ...(state === undefined ? {} : { notarization: { state, ...(record === undefined ? {} : { record }) } }),
  };
}

function proofOf(result: RunResult, target: Target, format: FormatId): ProofFacts | undefined {
  const made = result.get(target) ?? [];
  return made.find((artifact) => artifact.kind === "proof" && artifact.facts.format === format)?.facts as
    | ProofFacts
    | undefined;
}

/** The manifest's text: two spaces, a final newline, files in the order of `TARGETS` and of the formats. */
export function renderManifest(manifest: Manifest): string {
  const artifacts = [...manifest.artifacts].sort(byPlace);
  const companions = [...manifest.companions].sort(byPlace);
  return `${JSON.stringify({ ...manifest, artifacts, companions }, null, 2)}\n`;
}

function byPlace(a: ManifestFile | CompanionFile, b: ManifestFile | CompanionFile): number {
  return (
    TARGETS.indexOf(a.target) - TARGETS.indexOf(b.target) ||
    FORMAT_IDS.indexOf(a.format) - FORMAT_IDS.indexOf(b.format) ||
    (a.path < b.path ? -1 : 1)
  );
}

/** `SHA256SUMS` as `sha256sum --check` reads it. */
export function renderSha256Sums(manifest: Manifest): string {
  const lines = [...manifest.artifacts, ...manifest.companions].map((file) => `${file.sha256}  ${file.path}\n`);
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
