/** A whole app folder for config tests: every file that its config names is there. */
import { join } from "node:path";
import type { UserConfig } from "../../../build/config/define-config.ts";
import { temporaryFolder } from "./temporary.ts";

export interface SampleApp {
  readonly folder: string;
  /** Where the config file would be. */
  readonly file: string;
}

/** An app folder below the system's temporary folder. */
export function sampleApp(): SampleApp {
  const folder = temporaryFolder({
    "icons/icon.svg": "",
    "shell/main.ts": "",
    "sidecar/main.ts": "",
    "migrations/0001-first.sql": "",
  });
  return { folder, file: join(folder, "erth.config.ts") };
}

/** A valid config for the sample app: what must be there, and nothing else. */
export function sampleConfig(): UserConfig {
  return {
    app: {
      name: "Sample App",
      identifier: "com.example.sample",
      version: "1.2.3",
      publisher: "Example Ltd",
      icon: "icons/icon.svg",
    },
    shell: { kind: "electrobun", fallback: "webview", entry: "shell/main.ts" },
    sidecar: { kind: "pkg", entry: "sidecar/main.ts" },
  };
}
