/** What `erth` needs to know to build ERTH Assistant; every field is described in `build/config/schema.ts`. */
import { defineConfig } from "../build/config/define-config.ts";

export default defineConfig({
  app: {
    name: "ERTH Assistant",
    identifier: "dev.erth.assistant",
    version: "0.1.0",
    publisher: "ERTH",
    description: "A calm place for what you have to do, kept on your own machine.",
    icon: "icons/icon.svg",
  },
  shell: {
    kind: "electrobun",
    fallback: "webview",
    entry: "shell/main.ts",
    window: { title: "ERTH Assistant", width: 960, height: 720, minWidth: 420, minHeight: 480 },
  },
  sidecar: { kind: "pkg", entry: "sidecar/main.ts" },
  database: { migrations: "migrations" },
  targets: "all",
  budget: { total: "128 MB" },
});
