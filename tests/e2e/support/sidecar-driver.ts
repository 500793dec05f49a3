/**
 * Run by an installed app's own Bun, on Windows: starts the app's sidecar as
 * its shell would, and prints "serving" once it has proven an answer.
 * Arguments: the folder of `app.json`, a folder for its data.
 */
import { join } from "node:path";
import { createFolders } from "../../../runtime/base/folders.ts";
import { readAppFacts } from "../../../runtime/shell/app-facts-file.ts";
import { startAttempt } from "../../../runtime/supervisor/attempt.ts";
import { defaultTimings } from "../../../runtime/supervisor/timings.ts";

const [resources = "", home = ""] = process.argv.slice(2);
const { sidecar, name, identifier, version } = readAppFacts(resources);
const folders = { data: join(home, "data"), cache: join(home, "cache"), logs: join(home, "logs") };
createFolders(folders);
const command =
  sidecar.kind === "pkg"
    ? { command: join(resources, sidecar.executable), args: [] }
    : { command: process.execPath, args: ["--no-install", "--no-env-file", join(resources, sidecar.script)] };
const attempt = startAttempt(
  {
    ...command,
    folders,
    app: { name, identifier, version },
    timings: { ...defaultTimings, handshakeMs: 120_000 },
    log: (tag, line) => console.log(`${tag}: ${line}`),
  },
  {
    serving() {
      console.log("serving");
      attempt.stop();
    },
    failing: (reason) => console.log(`failing: ${reason}`),
    ended({ reason, hasServed }) {
      console.log(`ended: ${reason}`);
      process.exit(hasServed ? 0 : 1);
    },
  },
);
