/**
 * Starts and ends children one after the other while the garbage collector
 * runs, as weeks of restarts would; prints how many handshakes and ends it saw.
 */
import { newSecret } from "../../../runtime/sidecar/protocol.ts";
import { spawnChild } from "../../../runtime/supervisor/child.ts";

const LIVES = 60;
/** A child whose pipe was taken never speaks; one on a busy machine only speaks late. */
const LIMIT_MS = 15_000;

/** Runs one child to its end; whether both its line on fd 3 and its end were seen. */
function live(): Promise<boolean> {
  return new Promise((resolve) => {
    let hasSpoken = false;
    const timer = setTimeout(() => resolve(false), LIMIT_MS);
    const hello = { v: 1, secret: newSecret(), dataFolder: "/", cacheFolder: "/" } as const;
    const child = spawnChild(
      { command: "/bin/sh", args: ["-c", "read hello; echo ready >&3; exec 3>&-; read stop"] },
      { ...hello, app: { name: "a", identifier: "a.b", version: "1" } },
      {
        line: () => {},
        control: () => {
          hasSpoken = true;
          child.askToStop();
        },
        ended: () => {
          clearTimeout(timer);
          resolve(hasSpoken);
        },
      },
    );
  });
}

let seen = 0;
for (let count = 0; count < LIVES; count += 1) {
  const life = live();
  Bun.gc(true);
  if (!(await life)) break;
  seen += 1;
}
console.log(`${seen} of ${LIVES}`);
process.exit(0);
