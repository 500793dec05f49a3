/** `erth staple [file…]`: the tickets of what Apple has accepted already, without submitting or waiting. */
import { basename } from "node:path";
import { osOf } from "../../plan/target.ts";
import { stapleInPlace } from "../../sign/staple-in-place.ts";
import { EXIT, type Command } from "../command.ts";
import { mustHaveOne, withFiles } from "../release-files.ts";

export const staple: Command = {
  name: "staple",
  summary: "put the tickets of notarized files on them, by default on the release's",
  takesArguments: true,
  async run(ctx) {
    await withFiles(ctx, async ({ keyring, stateFolder, release, files }) => {
      const wanted = files.filter(({ entry }) => entry === undefined || osOf(entry.target) === "darwin");
      mustHaveOne(wanted, "no file of macOS", "erth release, or name a file");
      const report = (text: string): void => ctx.report({ type: "progress-line", text });
      for (const { path, entry } of wanted) {
        const record = entry?.notarization?.record;
        await stapleInPlace({ keyring, stateFolder, signal: ctx.signal, report, path, record });
        if (entry !== undefined) {
          await release?.update(entry, {
            notarization: { state: "stapled", ...(record === undefined ? {} : { record }) },
          });
        }
        ctx.report({ type: "result", name: "stapled", value: { path }, text: `  ${basename(path)}: ticket stapled\n` });
      }
    });
    return EXIT.done;
  },
};
