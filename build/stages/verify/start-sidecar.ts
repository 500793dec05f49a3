/** Starts the sidecar of an unpacked app as its shell would, waits for its first proven answer, and ends it. */
import { basename, dirname, join } from "node:path";
import type { Problem } from "../../../runtime/base/errors.ts";
import { createFolders } from "../../../runtime/base/folders.ts";
import { readAppFacts } from "../../../runtime/shell/app-facts-file.ts";
import { startAttempt } from "../../../runtime/supervisor/attempt.ts";
import { defaultTimings } from "../../../runtime/supervisor/timings.ts";
import { listTree } from "../../artifacts/digest.ts";

/** A release may share the machine with compressors. */
const START_LIMIT_MS = 60_000;

export interface StartRequest {
  /** The unpacked app, absolute. */
  readonly app: string;
  /** For its data, cache and logs; does not exist yet. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Problems if it does not serve; its own words among them. */
export async function startSidecar({ app, folder, signal }: StartRequest): Promise<readonly Problem[]> {
  const files = (await listTree(app)).filter(({ kind }) => kind === "file").map(({ path }) => path);
  const factsPath = files.filter((path) => basename(path) === "app.json").sort((a, b) => a.length - b.length)[0];
  if (factsPath === undefined) return [failed("it has no app.json")];
  const resources = join(app, dirname(factsPath));
  const facts = readAppFacts(resources);
  const bun = files.find((path) => basename(path) === "bun");
  const { sidecar } = facts;
  const command =
    sidecar.kind === "pkg"
      ? { command: join(resources, sidecar.executable), args: [] }
      : {
          command: join(app, bun ?? "bun"),
          args: ["--no-install", "--no-env-file", join(resources, sidecar.script)],
        };
  const folders = { data: join(folder, "data"), cache: join(folder, "cache"), logs: join(folder, "logs") };
  createFolders(folders);

  const lines: string[] = [];
  const { name, identifier, version } = facts;
  return new Promise((resolve) => {
    let hasServed = false;
    const attempt = startAttempt(
      {
        ...command,
        folders,
        app: { name, identifier, version },
        timings: { ...defaultTimings, handshakeMs: START_LIMIT_MS },
        log: (_tag, line) => void lines.push(line),
      },
      {
        serving: () => {
          hasServed = true;
          attempt.stop();
        },
        failing: () => undefined,
        ended: ({ reason }) =>
          resolve(hasServed ? [] : [failed(`${reason}\n${lines.slice(-10).join("\n")}`), ...attempt.problems()]),
      },
    );
    signal.addEventListener("abort", () => attempt.stop(), { once: true });
  });
}

function failed(why: string): Problem {
  return {
    code: "VERIFY_START",
    message: `the sidecar of the finished file does not serve: ${why}`,
    remedy: "mend what it says, then run the same command again",
  };
}
