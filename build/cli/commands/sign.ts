/** `erth sign [file…]`: signs files as their kind is signed; without a name all of the release that can be. */
import { basename } from "node:path";
import { ProblemsError, type Problem } from "../../../runtime/base/errors.ts";
import type { Check } from "../../keys/check.ts";
import { checkAppKeys, checkInstallerKey, checkLinuxKeys } from "../../keys/check-signing.ts";
import type { Keyring } from "../../keys/keyring.ts";
import { kindOfFile } from "../../../signing/verify/kind.ts";
import type { FileKind } from "../../../signing/verify/verification.ts";
import { nameOfSigner, signAnything, type Signed } from "../../sign/sign-anything.ts";
import { EXIT, type Command, type CommandContext } from "../command.ts";
import { withFiles, type Workplace, type WorkFile } from "../release-files.ts";

export const sign: Command = {
  name: "sign",
  summary: "sign files with the configured keys, by default the release's",
  takesArguments: true,
  async run(ctx) {
    await withFiles(ctx, async (place) => {
      const kinds = await Promise.all(place.files.map(({ path }) => kindOfFile(path)));
      // A zip of the release is signed inside; one that is named is refused by name.
      const work = place.files.filter((_, at) => ctx.args.length > 0 || kinds[at] !== "zip");
      for (const [at, { path }] of place.files.entries()) {
        if (ctx.args.length > 0 || kinds[at] !== "zip") continue;
        ctx.report({ type: "text", text: `  ${basename(path)} is signed inside, by erth release\n` });
      }
      await requireKeys(ctx, place.keyring, kinds);
      for (const file of work) await signOne(ctx, place, file);
    });
    return EXIT.done;
  },
};

async function signOne(ctx: CommandContext, place: Workplace, { path, entry }: WorkFile): Promise<void> {
  const { keyring, config, release } = place;
  const signed = await signAnything({ keyring, path, version: entry && config.app.version, signal: ctx.signal });
  if (entry !== undefined && release !== undefined) await record(release, entry, signed);
  const text = `  ${basename(path)}: ${nameOfSigner(signed)}\n`;
  ctx.report({ type: "result", name: "signed", value: { path, ...signed }, text });
}

async function record(
  release: NonNullable<Workplace["release"]>,
  entry: NonNullable<WorkFile["entry"]>,
  { signature, detached }: Signed,
): Promise<void> {
  const { target, format, sha256 } = entry;
  if (signature !== undefined) {
    // What Apple said of the old bytes does not hold for the new ones.
    await release.update(entry, { signedBy: signature.by, signature, notarization: undefined });
  }
  await release.addCompanions(
    detached.map(({ path, role, signedBy }) => ({
      kind: "companion" as const,
      target,
      path,
      format,
      role,
      signedBy,
      from: [{ kind: "installer", sha256 }],
    })),
  );
}

/** Every fault of the keys that these files need, before the first is signed. */
async function requireKeys(ctx: CommandContext, keyring: Keyring, kinds: readonly FileKind[]): Promise<void> {
  const has = (...wanted: readonly FileKind[]): boolean => kinds.some((kind) => wanted.includes(kind));
  const checks: Check[] = [];
  if (has("app", "mach-o", "dmg")) checks.push(...(await checkAppKeys(keyring, "darwin")));
  if (has("pkg")) checks.push(...(await checkInstallerKey(keyring)));
  if (has("pe", "msi", "msix")) checks.push(...(await checkAppKeys(keyring, "win32")));
  if (has("appimage", "deb", "rpm", "elf", "file")) checks.push(...(await checkLinuxKeys(keyring)));
  for (const { what, warnings } of checks) {
    for (const warning of warnings) ctx.report({ type: "notice", text: `${what}: ${warning}` });
  }
  const problems: readonly Problem[] = checks.flatMap((check) => check.problems);
  if (problems.length > 0) throw new ProblemsError(problems);
}
