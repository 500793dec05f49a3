/**
 * `erth notarize [--submit | --wait | --resume] [file…]`: Apple's verdict and
 * its ticket for a Mac's files, by default the release's. `--submit` leaves the
 * submission in the manifest (beside a file of its own as
 * `<file>.notarization.json`); `--resume` goes on from there, on any machine.
 */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { ErthError } from "../../../runtime/base/errors.ts";
import { readSubmission, type SubmissionRecord, writeSubmission } from "../../../signing/apple/notary/submission.ts";
import type { NotarizationFacts } from "../../artifacts/artifact.ts";
import { digestPath } from "../../artifacts/digest.ts";
import type { ManifestFile } from "../../artifacts/manifest.ts";
import { osOf } from "../../plan/target.ts";
import { notarizeFile, type NotaryWork, resumeNotarization } from "../../sign/notarize.ts";
import { stapleInPlace } from "../../sign/staple-in-place.ts";
import { EXIT, type Command, type CommandContext } from "../command.ts";
import { mustHaveOne, withFiles, type Workplace, type WorkFile } from "../release-files.ts";

type Mode = "submit" | "wait" | "resume";

export const notarize: Command = {
  name: "notarize",
  summary: "Apple's verdict and ticket; --submit now, --resume later and elsewhere",
  takesArguments: true,
  async run(ctx) {
    const asked = (["submit", "wait", "resume"] as const).filter((mode) => ctx.flags[mode]);
    if (asked.length > 1) {
      throw new ErthError({
        code: "USAGE_FLAG",
        message: `${asked.map((mode) => `--${mode}`).join(" and ")} exclude each other.`,
        remedy: "erth notarize --submit, and later erth notarize --resume",
      });
    }
    await withFiles(ctx, async (place) => {
      const mode: Mode = asked[0] ?? place.config.signing.apple?.notarize?.mode ?? "wait";
      const files = place.files.filter(({ entry }) => entry === undefined || isWaitedFor(entry, mode));
      const nothing = mode === "resume" ? "no submission to wait for" : "no file of macOS that is not notarized yet";
      mustHaveOne(files, nothing, "erth release, or name a file");
      for (const file of files) await notarizeOne(ctx, place, file, mode);
    });
    return EXIT.done;
  },
};

function isWaitedFor({ target, notarization }: ManifestFile, mode: Mode): boolean {
  if (mode === "resume") return notarization?.record !== undefined && notarization.state !== "stapled";
  return osOf(target) === "darwin" && notarization?.state !== "stapled";
}

async function notarizeOne(ctx: CommandContext, place: Workplace, file: WorkFile, mode: Mode): Promise<void> {
  const { path, entry } = file;
  const { keyring, stateFolder } = place;
  const report = (text: string): void => ctx.report({ type: "progress-line", text });
  const work: NotaryWork = { keyring, stateFolder, signal: ctx.signal, report };
  const facts =
    mode === "resume"
      ? await resumeNotarization({ ...work, record: await recordOf(file) })
      : await notarizeFile({ ...work, path, sha256: entry?.sha256 ?? (await digestPath(path)).sha256, mode });
  await remember(place, file, facts);
  if (facts.state === "submitted") {
    const id = facts.record?.id ?? "";
    const text = `  ${basename(path)}: submitted as ${id}; later: erth notarize --resume\n`;
    ctx.report({ type: "result", name: "notarization", value: { path, ...facts }, text });
    return;
  }
  await stapleInPlace({ ...work, path, record: facts.record });
  const stapled: NotarizationFacts = { ...facts, state: "stapled" };
  await remember(place, file, stapled);
  const text = `  ${basename(path)}: accepted by Apple, ticket stapled\n`;
  ctx.report({ type: "result", name: "notarization", value: { path, ...stapled }, text });
}

/** In the manifest; beside the file where it is in none. */
async function remember({ release }: Workplace, { path, entry }: WorkFile, facts: NotarizationFacts): Promise<void> {
  const { state, record } = facts;
  if (entry === undefined || release === undefined) {
    if (record !== undefined) await writeSubmission(recordPathOf(path), record);
    return;
  }
  const current = release.find(path) ?? entry;
  await release.update(current, { notarization: { state, ...(record === undefined ? {} : { record }) } });
}

async function recordOf({ path, entry }: WorkFile): Promise<SubmissionRecord> {
  if (entry?.notarization?.record !== undefined) return entry.notarization.record;
  if (entry === undefined || existsSync(recordPathOf(path))) return readSubmission(recordPathOf(path));
  throw new ErthError({
    code: "NOTARY_RECORD",
    message: `the manifest has no submission of ${entry.path}.`,
    remedy: `erth notarize --submit ${entry.path}`,
  });
}

function recordPathOf(path: string): string {
  return `${path.replace(/\/+$/, "")}.notarization.json`;
}
