/** Runs the signing stages over a made-up app, with a configured key, a timestamp authority and Apple's services on loopback. */
import { copyFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { AppFolderFacts, Artifact, ArtifactOf } from "../../../../build/artifacts/artifact.ts";
import { openStageCache } from "../../../../build/artifacts/cache.ts";
import { listTree } from "../../../../build/artifacts/digest.ts";
import { openHistory } from "../../../../build/artifacts/history.ts";
import { createManifest, type Manifest } from "../../../../build/artifacts/manifest.ts";
import { openPieces } from "../../../../build/artifacts/pieces.ts";
import { resolveConfig } from "../../../../build/config/resolve.ts";
import type { UserConfig } from "../../../../build/config/schema.ts";
import type { KeyWorld } from "../../../../build/keys/key-world.ts";
import { openKeyring } from "../../../../build/keys/keyring.ts";
import { createPlan } from "../../../../build/plan/plan.ts";
import type { Target } from "../../../../build/plan/target.ts";
import type { RunEvent } from "../../../../build/stages/events.ts";
import { type RunResult, runRecipe } from "../../../../build/stages/run.ts";
import { targetStage, type Recipe, type Stage } from "../../../../build/stages/stage.ts";
import { exec } from "../../../../build/tools/exec.ts";
import { appleAuthority, type Identity, windowsAuthority } from "../../../fakes/certificate-authority.ts";
import { fakeKeyWorld } from "../../../fakes/key-world.ts";
import { ISSUER, KEY_ID, type NotaryWorld, secretsOf, startNotaryWorld } from "../../../fakes/notary-world.ts";
import { startTimestampAuthority, type TimestampAuthority } from "../../../fakes/timestamp-authority.ts";
import { fakeVendor } from "../../../support/fake-config.ts";
import { scratchFolder } from "../../../support/scratch.ts";
import { sampleApp, sampleConfig } from "../../../unit/config/sample.ts";

export const apple = appleAuthority();
export const windows = windowsAuthority();
const PASSWORD = "hunter2-the-password";
export const TICKET = Buffer.concat([Buffer.from("s8ch"), Buffer.alloc(200, 7)]);

export interface SigningRun {
  readonly folder: string;
  readonly stamps: TimestampAuthority;
  readonly stampedAt: Date;
  readonly notary: NotaryWorld;
  readonly events: RunEvent[];
  readonly env: Record<string, string>;
  /** `signing` of the config; a new one for each run. */
  signing: NonNullable<UserConfig["signing"]>;
  /** `package` of the config. */
  package: NonNullable<UserConfig["package"]>;
  change: Partial<KeyWorld>;
  run(recipe: Recipe, target: Target): Promise<{ readonly result: RunResult; readonly manifest: Manifest }>;
  /** Everything that must be in no file and no output. */
  secrets(): readonly string[];
}

/** An encrypted key with its chain, as a CI secret holds it. */
export function material({ key, chainPem }: Identity): string {
  return key.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: PASSWORD }) + chainPem;
}

export const KEY = { env: "CODE_KEY", passwordEnv: "CODE_PASSWORD" };

export async function signingRun(): Promise<SigningRun> {
  const folder = await scratchFolder();
  const app = sampleApp();
  // Of the present, as the notary's clock is; whole seconds, as tokens have them.
  const stampedAt = new Date(Math.floor(Date.now() / 1000) * 1000);
  const stamps = await startTimestampAuthority({ time: stampedAt });
  const notary = await startNotaryWorld();
  onTestFinished(async () => {
    await stamps.close();
    await notary.fake.close();
  });
  // Apple has a ticket for whatever it has accepted.
  notary.fake.cloudKit.tickets.get = () => TICKET;
  const { notaryUrl, s3Url, ticketUrl } = notary.fake;
  const appleUrls = { notary: notaryUrl, s3: s3Url, tickets: ticketUrl };
  const events: RunEvent[] = [];
  const env: Record<string, string> = { CODE_PASSWORD: PASSWORD, API_KEY: notary.keyPem };
  const bench: SigningRun = {
    folder,
    stamps,
    stampedAt,
    notary,
    events,
    env,
    signing: {},
    package: {},
    change: {},
    async run(recipe, target) {
      const config = resolveConfig(
        { ...sampleConfig(), targets: [target], signing: bench.signing, package: bench.package },
        app.file,
      );
      const shells = { [target]: { kind: "webview" as const } };
      const plan = createPlan({ config, targets: [target], shells, formats: config.package.formats });
      const cacheFolder = join(folder, "cache");
      const world = fakeKeyWorld(env, { appleUrls, now: () => notary.around.now(), ...bench.change });
      const keyring = openKeyring(config.signing, world);
      const result = await runRecipe({
        config,
        plan,
        recipes: { darwin: recipe, win32: recipe, linux: recipe },
        vendor: fakeVendor({}),
        cache: await openStageCache(cacheFolder),
        pieces: await openPieces(cacheFolder),
        keyring,
        stateFolder: join(cacheFolder, "state"),
        history: await openHistory(cacheFolder, config.file),
        exec,
        signal: new AbortController().signal,
        toolDigest: "tool",
        listener: (event) => events.push(event),
        clockMs: () => 0,
      });
      await keyring.close();
      return { result, manifest: createManifest(config, plan, result) };
    },
    secrets: () => [
      PASSWORD,
      ...secretsOf(notary),
      ...(env["CODE_KEY"] ?? "").split("\n").filter((line, at) => at > 0 && at < 20 && line.length === 64),
    ],
  };
  return bench;
}

/** A stage that has this folder for an app. */
export function appStageOf(source: string, facts: Partial<AppFolderFacts>): Stage {
  return targetStage({
    id: "assemble-app",
    version: 1,
    scope: "target",
    needs: [],
    makes: ["app"],
    reads: () => ({ files: [source] }),
    async run(ctx) {
      const path = join(ctx.workFolder, "app");
      await cp(source, path, { recursive: true, verbatimSymlinks: true });
      const files = (await listTree(path)).filter(({ kind }) => kind === "file");
      const parts = Object.fromEntries(files.map((file) => [file.path, "app code" as const]));
      const launch = { executable: "", args: [], cwd: "", env: {} };
      const own = {
        bundleName: "Tiny.app",
        identifier: "dev.erth.tiny",
        shell: "webview",
        launch,
        signedBy: null,
        parts,
      };
      return [{ kind: "app", path, facts: { ...own, ...facts } as AppFolderFacts }];
    },
  });
}

const PICTURE = new URL("../../../fixtures/icons/rgba8.png", import.meta.url);

/** A stage with an icon for every purpose. */
export function iconsStageOf(ico: Uint8Array = new Uint8Array()): Stage {
  return targetStage({
    id: "icons",
    version: 1,
    scope: "target",
    needs: [],
    makes: ["icons"],
    reads: () => ({}),
    async run(ctx) {
      const path = join(ctx.workFolder, "icons");
      await mkdir(path);
      await writeFile(join(path, "icon.ico"), ico);
      await copyFile(PICTURE, join(path, "icon-256.png"));
      return [{ kind: "icons", path, facts: { sizes: [256] } }];
    },
  });
}

/** The one artifact of this kind. */
export function only<K extends Artifact["kind"]>(result: RunResult, target: Target, kind: K) {
  // A filter by kind is what the compiler cannot follow for a kind that is a parameter.
  const found = (result.get(target) ?? []).filter(
    ({ kind: found }) => found === kind,
  ) as unknown as readonly ArtifactOf<K>[];
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} artifacts of kind ${kind}`);
  return found[0];
}

/** The first file below a folder that holds one of these texts, or undefined. */
export async function fileWith(folder: string, texts: readonly string[]): Promise<string | undefined> {
  for (const { path, kind } of await listTree(folder)) {
    if (kind !== "file") continue;
    const content = await readFile(join(folder, path));
    const found = texts.find((text) => content.includes(text));
    if (found !== undefined) return `${path} holds ${found.slice(0, 12)}…`;
  }
  return undefined;
}

export const NOTARIZE = { appleApiKeyEnv: "API_KEY", appleApiKeyId: KEY_ID, appleApiIssuer: ISSUER };
