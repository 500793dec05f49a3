/** argv → flags; every unknown one is refused with what exists. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";
import type { Flags } from "./command.ts";

const OPTIONS = {
  config: { type: "string" },
  target: { type: "string", multiple: true },
  out: { type: "string", default: "dist" },
  json: { type: "boolean", default: false },
  quiet: { type: "boolean", default: false },
  "no-fallback": { type: "boolean", default: false },
  format: { type: "string", multiple: true },
  "no-sign": { type: "boolean", default: false },
  fast: { type: "boolean", default: false },
  offline: { type: "boolean", default: false },
  matrix: { type: "boolean", default: false },
  why: { type: "string" },
  since: { type: "string" },
  html: { type: "boolean", default: false },
  markdown: { type: "boolean", default: false },
  accept: { type: "boolean", default: false },
  submit: { type: "boolean", default: false },
  wait: { type: "boolean", default: false },
  resume: { type: "boolean", default: false },
  explain: { type: "boolean", default: false },
  trust: { type: "string", multiple: true },
  help: { type: "boolean", short: "h", default: false },
  version: { type: "boolean", short: "v", default: false },
} as const;

export interface ParsedArgs {
  readonly command: string | undefined;
  readonly extra: readonly string[];
  readonly flags: Flags;
  readonly help: boolean;
  readonly version: boolean;
}

/** Parses the arguments after `erth`. Throws `USAGE_FLAG`. */
export function parseFlags(args: readonly string[], cwd: string): ParsedArgs {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
    const [command, ...extra] = positionals;
    return {
      command,
      extra,
      help: values.help,
      version: values.version,
      flags: {
        config: values.config,
        target: values.target?.join(","),
        out: resolve(cwd, values.out),
        json: values.json,
        quiet: values.quiet,
        noFallback: values["no-fallback"],
        format: values.format?.join(","),
        noSign: values["no-sign"],
        fast: values.fast,
        offline: values.offline,
        matrix: values.matrix,
        why: values.why,
        since: values.since,
        html: values.html,
        markdown: values.markdown,
        accept: values.accept,
        submit: values.submit,
        wait: values.wait,
        resume: values.resume,
        explain: values.explain,
        trust: values.trust ?? [],
      },
    };
  } catch (cause) {
    throw new ErthError({
      code: "USAGE_FLAG",
      message: `${messageOf(cause).split(". ")[0] ?? ""}.`,
      remedy: "erth --help lists the commands and flags",
      cause,
    });
  }
}

export const HELP_FLAGS = `  --config FILE     the app's config (default: erth.config.ts here or above)
  --target T,…      targets, "host" or "all" (default: the config's)
  --format F,…      formats, or "all" (default: the config's)
  --out FOLDER      output folder (default: dist)
  --no-fallback     fail when the configured shell cannot be had
  --no-sign         no keys, whatever the config says: ad hoc and unsigned
  --fast            quick compression, for development
  --offline         use only what is in the cache
  --json            one event a line on stdout
  --quiet           only results and problems
  plan: --matrix    a GitHub Actions matrix    --why STAGE  why it would run, or ran, again
  size: --since V   compare with this manifest, folder or version
        --html      write a page with treemaps and the history of releases
        --markdown  print the report for a job summary or a pull request
  lock: --accept    accept changed digests of known versions
  notarize: --submit  submit and end    --wait  wait and staple    --resume  go on with what was submitted
  verify: --explain   print what the files say, decoded
          --trust FILE  a root certificate, OpenPGP or minisign key to believe; may be repeated
`;
