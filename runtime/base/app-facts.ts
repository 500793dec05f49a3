/**
 * `resources/app.json`: what a finished app knows about itself. Written by
 * `build/stages/assemble-app.ts`, read by the shell and the supervisor, so
 * that one shell bundle serves every target.
 */

export interface AppFacts {
  readonly v: 1;
  /** Display name; any characters. */
  readonly name: string;
  /** ASCII form of the name, for file names. */
  readonly slug: string;
  /** Reverse DNS, for example `dev.erth.assistant`; names the data, cache and log folders. */
  readonly identifier: string;
  readonly version: string;
  readonly shell: "electrobun" | "webview";
  readonly window: WindowFacts;
  readonly sidecar: SidecarFacts;
}

export interface WindowFacts {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly minWidth: number;
  readonly minHeight: number;
}

/** How to start the sidecar. Paths are relative to the folder that holds `app.json`, "/" separated. */
export type SidecarFacts =
  | { readonly kind: "pkg"; readonly executable: string }
  /** Runs on the Bun that the shell itself runs on. */
  | { readonly kind: "bun"; readonly script: string };
