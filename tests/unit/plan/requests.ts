/** Configs for plan tests; no file of theirs exists. */
import { resolvePackage } from "../../../build/config/package/resolve-package.ts";
import { resolveBudget } from "../../../build/config/budgets.ts";
import type { ResolvedConfig } from "../../../build/config/resolved-config.ts";
import { NO_SIGNING } from "../../../build/config/resolved-signing.ts";
import { TARGETS } from "../../../build/plan/target.ts";

export function configWith(changes: Partial<ResolvedConfig> = {}): ResolvedConfig {
  const root = "/app";
  return {
    root,
    file: `${root}/erth.config.ts`,
    app: {
      name: "Sample App",
      slug: "sample-app",
      identifier: "com.example.sample",
      version: "1.2.3-beta.1",
      publisher: "Example Ltd",
      description: "",
      icon: `${root}/icons/icon.svg`,
    },
    shell: {
      kind: "electrobun",
      fallback: "webview",
      entry: `${root}/shell/main.ts`,
      window: { title: "Sample App", width: 1000, height: 720, minWidth: 480, minHeight: 360 },
    },
    sidecar: { kind: "pkg", entry: `${root}/sidecar/main.ts` },
    database: { migrations: `${root}/migrations` },
    targets: TARGETS,
    package: resolvePackage({ compression: "best" }, { identifier: "dev.example.notes", publisher: "Example" }, root),
    budget: resolveBudget(),
    vendor: { mirror: undefined, folders: {} },
    signing: NO_SIGNING,
    ...changes,
  };
}
