/** A resolved config, plan and vendor for tests that build nothing real. */
import { join } from "node:path";
import { resolvePackage } from "../../build/config/package/resolve-package.ts";
import { resolveBudget } from "../../build/config/budgets.ts";
import type { ResolvedConfig } from "../../build/config/resolved-config.ts";
import { DEFAULT_FORMATS, fileNameOf, type FormatId } from "../../build/plan/package-format.ts";
import { NO_SIGNING } from "../../build/config/resolved-signing.ts";
import { type Keyring, openKeyring } from "../../build/keys/keyring.ts";
import type { Plan } from "../../build/plan/plan.ts";
import { signingPlan } from "../../build/plan/signing-plan.ts";
import { osOf, type Target } from "../../build/plan/target.ts";
import type { Vendor } from "../../build/vendor/vendor.ts";
import { fakeKeyWorld } from "../fakes/key-world.ts";

export function fakeConfig(root: string, change: Partial<ResolvedConfig> = {}): ResolvedConfig {
  return {
    root,
    file: join(root, "erth.config.ts"),
    app: {
      name: "Plain Notes",
      slug: "plain-notes",
      identifier: "dev.example.notes",
      version: "1.2.3",
      publisher: "Example",
      description: "",
      icon: join(root, "icon.png"),
    },
    shell: {
      kind: "webview",
      fallback: undefined,
      entry: join(root, "shell.ts"),
      window: { title: "Plain Notes", width: 800, height: 600, minWidth: 320, minHeight: 240 },
    },
    sidecar: { kind: "bun", entry: join(root, "sidecar.ts") },
    database: undefined,
    targets: ["linux-x64"],
    package: resolvePackage({ compression: "fast" }, { identifier: "dev.example.notes", publisher: "Example" }, root),
    budget: resolveBudget(),
    vendor: { mirror: undefined, folders: {} },
    signing: NO_SIGNING,
    ...change,
  };
}

/** A plan with the default formats of each target, or with these. */
/** What stages reach keys through, where nothing is configured. */
export function fakeKeys(root: string): { readonly keyring: Keyring; readonly stateFolder: string } {
  return { keyring: openKeyring(NO_SIGNING, fakeKeyWorld()), stateFolder: join(root, "state") };
}

export function fakePlan(targets: readonly Target[], formats?: readonly FormatId[]): Plan {
  return {
    name: "Plain Notes",
    slug: "plain-notes",
    version: "1.2.3",
    targets: targets.map((target) => ({
      target,
      shell: { kind: "webview" },
      sidecar: "bun",
      vendor: [],
      formats: (formats ?? DEFAULT_FORMATS[osOf(target)]).map((id) => ({
        id,
        fileName: fileNameOf(`plain-notes-1.2.3-${target}`, id),
      })),
      budget: [{ kind: "size", bytes: 128_000_000 }],
      signing: signingPlan(NO_SIGNING, target),
    })),
  };
}

/** A vendor over local folders by entry name. */
export function fakeVendor(folders: Readonly<Record<string, string>>): Vendor {
  return {
    folder(name) {
      const folder = folders[name];
      return folder === undefined
        ? Promise.reject(new Error(`the test has no vendor folder ${name}`))
        : Promise.resolve(folder);
    },
    digest: (name) => folders[name],
  };
}
