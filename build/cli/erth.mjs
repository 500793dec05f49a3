#!/usr/bin/env node
// The command's entry, plain JavaScript so that an old Node can still read it
// and hand over to the Node 26 of the `node` package, or say what is missing.
import { spawnSync } from "node:child_process";
import module, { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const NEEDED_MAJOR = 26;

if (Number.parseInt(process.versions.node, 10) >= NEEDED_MAJOR) {
  // Half of a release with nothing changed would be reading the sources of erth itself.
  module.enableCompileCache();
  await import("./main.ts");
} else {
  let node;
  try {
    node = createRequire(import.meta.url).resolve("node/bin/node");
  } catch {
    console.error(
      `error[NODE_TOO_OLD] erth runs on Node ${NEEDED_MAJOR}, this is ${process.versions.node}.\n  do  npm install --save-dev node@26.10.0`,
    );
    process.exit(2);
  }
  // Ctrl-C reaches both; this one waits until the other has cleaned up and said how to go on.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => {});
  const self = fileURLToPath(import.meta.url);
  const { status, signal } = spawnSync(node, [self, ...process.argv.slice(2)], { stdio: "inherit" });
  if (signal) process.kill(process.pid, signal);
  process.exit(status ?? 1);
}
