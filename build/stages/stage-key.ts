/** A stage's cache key: the named digests of all that it reads. */
import { relative, sep } from "node:path";
import type { Artifact } from "../artifacts/artifact.ts";
import type { KeyParts } from "../artifacts/cache.ts";
import { canonicalJson, digestPath, sha256 } from "../artifacts/digest.ts";
import type { Vendor } from "../vendor/vendor.ts";
import type { StageTarget } from "./events.ts";
import type { Reads, Stage } from "./stage.ts";

export interface KeyRequest {
  readonly stage: Stage;
  readonly target: StageTarget;
  readonly reads: Reads;
  readonly inputs: readonly Artifact[];
  readonly vendor: Vendor;
  /** Folder that file names are shown relative to. */
  readonly root: string;
  /** Digest of the toolchain's own sources. */
  readonly toolDigest: string;
}

/** The parts of a stage's key, each under a name a user can read. */
export async function stageKeyParts(request: KeyRequest): Promise<KeyParts> {
  const { stage, target, reads, inputs, vendor, root, toolDigest } = request;
  const parts: Record<string, string> = { stage: `${stage.id} v${stage.version}`, target, erth: toolDigest };
  if (reads.values !== undefined) parts.config = sha256(canonicalJson(reads.values));
  for (const input of inputs) parts[`input ${input.kind}`] = `${input.sha256} ${sha256(canonicalJson(input.facts))}`;
  for (const name of reads.vendor ?? []) parts[`vendor ${name}`] = vendor.digest(name) ?? "not locked";
  for (const file of reads.files ?? []) {
    parts[`file ${relative(root, file).split(sep).join("/")}`] = (await digestPath(file)).sha256;
  }
  return parts;
}
