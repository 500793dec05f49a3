/** What a package format gets and gives; a new format is one file here and a line in `plan/package-format.ts`, `package.ts` and `recipes.ts`. */
import type { Problem } from "../../../runtime/base/errors.ts";
import type { ArtifactOf, CompanionFacts } from "../../artifacts/artifact.ts";
import type { Part } from "../../config/resolved-config.ts";
import type { TargetContext } from "../stage.ts";
import type { ContainerProof } from "../verify/container-reader.ts";
import type { AppFolder, AppTree } from "./app-tree.ts";

export interface PackageRequest {
  readonly ctx: TargetContext;
  readonly app: AppFolder;
  readonly tree: AppTree;
  /** Folder of `icon.icns`, `icon.ico`, `icon-<size>.png`. */
  readonly icons: Pick<ArtifactOf<"icons">, "path" | "facts">;
  /** Where to write the finished file, absolute. */
  readonly path: string;
}

export interface PackageResult {
  /** Contribution by part; sums up to the file's size. */
  readonly compressedBytes: Readonly<Record<Part, number>>;
  /** What stays on the user's disk beside the unpacked tree. */
  readonly containerDiskBytes: number;
  /** Files that `write` has put beside the finished one, under its name and this suffix. */
  readonly companions?: readonly Pick<CompanionFacts, "role" | "suffix">[];
}

export interface FormatReads {
  readonly values: unknown;
  readonly files: readonly string[];
}

export interface PackageFormat {
  /** Bumped when the same app would give other bytes. */
  readonly version: number;
  /** Tools that are missing, names that the format refuses: found before the first stage runs. */
  preflight?(ctx: TargetContext): Promise<readonly Problem[]>;
  /** Besides the app and its own sources: what shapes the bytes. */
  reads(ctx: TargetContext): FormatReads | Promise<FormatReads>;
  write(request: PackageRequest): Promise<PackageResult>;
  /** Who can open the finished file again. */
  readonly proof: ContainerProof;
}
