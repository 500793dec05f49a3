/**
 * Runs a supervisor in a process of its own, on whichever runtime started it.
 * `supervisor-main.ts <options JSON>`; prints one JSON event a line; takes the words
 * `restart`, `stop` and `url` on stdin.
 */
import { createInterface } from "node:readline";
import { createFolders } from "../../../runtime/base/folders.ts";
import { createSupervisor, type SupervisorOptions } from "../../../runtime/supervisor/supervisor.ts";

function isOptions(value: unknown): value is SupervisorOptions {
  return typeof value === "object" && value !== null && "command" in value && "folders" in value;
}

const options: unknown = JSON.parse(process.argv[2] ?? "");
if (!isOptions(options)) throw new Error("no options");
createFolders(options.folders);

const say = (event: string, facts: object): void => {
  const { state, sidecarPid } = supervisor;
  process.stdout.write(`${JSON.stringify({ event, atMs: performance.now(), state, sidecarPid, ...facts })}\n`);
};
const supervisor = createSupervisor(options, {
  serving: (url) => say("serving", { url }),
  down: (reason) => say("down", { reason }),
  broken: (url) => say("broken", { url }),
});
supervisor.start();
createInterface({ input: process.stdin }).on("line", (word) => {
  if (word === "restart") supervisor.restart();
  if (word === "url") say("url", { url: supervisor.newBootUrl() });
  if (word === "stop")
    void supervisor
      .stop()
      .then(() => say("stopped", {}))
      .then(() => process.exit(0));
});
