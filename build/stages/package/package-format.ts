/** What a package format gets and gives; a new format is one file and one line in `package.ts`. */
import type { ArtifactFacts } from "../../artifacts/artifact.ts";
import type { Part } from "../../config/resolved-config.ts";
import type { TargetContext } from "../stage.ts";
import type { AppFolder, AppTree } from "./app-tree.ts";

export interface PackageRequest {
  readonly ctx: TargetContext;
  readonly app: AppFolder;
  readonly tree: AppTree;
  /** Where to write the finished file, absolute. */
  readonly path: string;
}

export interface PackageResult {
  /** Contribution by part; sums up to the file's size. */
  readonly compressedBytes: Readonly<Record<Part, number>>;
  /** What stays on the user's disk beside the unpacked tree. */
  readonly containerDiskBytes: number;
}

export interface PackageFormat {
  readonly id: ArtifactFacts["installer"]["format"];
  /** Besides the app and its own sources: what shapes the bytes. */
  reads(ctx: TargetContext): { readonly values: unknown; readonly files: readonly string[] };
  write(request: PackageRequest): Promise<PackageResult>;
}
