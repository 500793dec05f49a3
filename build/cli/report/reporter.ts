/** What is shown besides stage events, and who shows it. */
import type { Problem } from "../../../runtime/base/errors.ts";
import type { ManifestFile } from "../../artifacts/manifest.ts";
import type { SizeReport } from "../../size/budget.ts";
import type { RunEvent } from "../../stages/events.ts";

export type CliEvent =
  | RunEvent
  /** Plain text of a command, such as the plan. */
  | { readonly type: "text"; readonly text: string }
  /** A machine-readable result; printed on a terminal as its text. */
  | { readonly type: "result"; readonly name: string; readonly value: unknown; readonly text: string }
  | { readonly type: "notice"; readonly text: string }
  /** A sign of life of something slow. */
  | { readonly type: "progress-line"; readonly text: string }
  | ({ readonly type: "problem" } & Problem)
  | { readonly type: "artifact"; readonly file: ManifestFile; readonly path: string }
  | { readonly type: "size"; readonly report: SizeReport }
  | { readonly type: "finished"; readonly command: string; readonly exitCode: number; readonly ms: number };

export interface Reporter {
  show(event: CliEvent): void;
  /** Leaves the terminal as a shell expects it. */
  close(): void;
}
