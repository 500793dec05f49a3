/** What a run tells the outside: one event a line under `--json`, progress on a terminal. */
import type { Target } from "../plan/target.ts";
import type { Progress } from "./stage.ts";

export type StageTarget = Target | "any";

export type RunEvent =
  | {
      readonly type: "vendor";
      readonly name: string;
      readonly doneBytes: number;
      readonly totalBytes: number | undefined;
    }
  | { readonly type: "stage-started"; readonly stage: string; readonly target: StageTarget; readonly why: string }
  | ({ readonly type: "progress"; readonly stage: string; readonly target: StageTarget } & Progress)
  | { readonly type: "log"; readonly stage: string; readonly target: StageTarget; readonly text: string }
  | { readonly type: "warning"; readonly stage: string; readonly target: StageTarget; readonly text: string }
  | { readonly type: "stage-skipped"; readonly stage: string; readonly target: StageTarget; readonly reason: string }
  | {
      readonly type: "stage-finished";
      readonly stage: string;
      readonly target: StageTarget;
      readonly ms: number;
      readonly cached: boolean;
    };

export type Listener = (event: RunEvent) => void;
