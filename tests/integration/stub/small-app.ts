/** A tiny app, packaged by the real stage, for the tests of the single file. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, open, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ArtifactFacts, ArtifactOf, Sha256 } from "../../../build/artifacts/artifact.ts";
import { openPieces } from "../../../build/artifacts/pieces.ts";
import type { ResolvedConfig } from "../../../build/config/resolved-config.ts";
import { encodeIco } from "../../../build/formats/ico.ts";
import { encodeTail, type PayloadIndex } from "../../../build/formats/payload.ts";
import { readPayload } from "../../../build/formats/payload-reader.ts";
import type { FormatId } from "../../../build/plan/package-format.ts";
import { hostTarget, type Target } from "../../../build/plan/target.ts";
import { packageStage } from "../../../build/stages/package.ts";
import type { Pieces, TargetContext, TargetStage } from "../../../build/stages/stage.ts";
import { exec, type Exec } from "../../../build/tools/exec.ts";
import { fakeConfig, fakeKeys, fakePlan, fakeVendor } from "../../support/fake-config.ts";
import { scratchFolder } from "../../support/scratch.ts";

/** Prints how it was started, and stays for as long as its input is open if asked to. */
export const SCRIPT = `#!/bin/sh
echo "pid $$"
echo "cwd $PWD"
echo "file $ERTH_FILE"
echo "own $OWN"
for argument in "$@"; do echo "arg $argument"; done
if [ "$2" = stay ]; then cat; fi
exit 7
`;

export const IDENTIFIER = "dev.example.notes";

export interface SmallAppOptions {
  readonly target?: Target;
  /** The target's first default format, if not given. */
  readonly format?: FormatId;
  readonly version?: string;
  /** Bytes that do not compress, to make unpacking take a while. */
  readonly ballastBytes?: number;
  readonly change?: (root: string) => Promise<void>;
  readonly parts?: ArtifactFacts["app"]["parts"];
  readonly shell?: "webview" | "electrobun";
  readonly app?: Partial<ResolvedConfig["app"]>;
  readonly updateInformation?: string;
  /** What is started, in the app folder. */
  readonly executable?: string;
  /** That the app is started with; one by default. */
  readonly args?: readonly string[];
  /** Of the config's `package` section. */
  readonly package?: Partial<ResolvedConfig["package"]>;
  readonly bundleName?: string;
  readonly exec?: Exec;
  /** Where pieces are kept; a fresh store by default. */
  readonly pieces?: Pieces;
}

export interface PackagedApp {
  readonly path: string;
  /** The app folder that it was made from. */
  readonly root: string;
  readonly facts: ArtifactFacts["installer"];
}

/** Runs the package stage on a small app folder. */
export async function packageSmallApp(options: SmallAppOptions = {}): Promise<PackagedApp> {
  const folder = await scratchFolder();
  const root = join(folder, "app");
  const workFolder = join(folder, "work");
  await mkdir(join(root, "bin"), { recursive: true });
  await mkdir(join(root, "empty"));
  await mkdir(workFolder);
  await writeFile(join(root, "bin/start"), SCRIPT);
  await chmod(join(root, "bin/start"), 0o755);
  await symlink("start", join(root, "bin/link"));
  await writeFile(join(root, "version 漢字.txt"), options.version ?? "1");
  if (options.ballastBytes) await writeFile(join(root, "ballast"), randomBytes(options.ballastBytes));
  await options.change?.(root);

  const target = options.target ?? hostTarget() ?? "linux-x64";
  const plain = fakeConfig(folder);
  const config: ResolvedConfig = {
    ...plain,
    app: { ...plain.app, ...options.app },
    package: {
      ...plain.package,
      appimage: { updateInformation: options.updateInformation ?? "" },
      ...options.package,
    },
  };
  const plan = fakePlan([target], options.format && [options.format]);
  const ctx: TargetContext = {
    config,
    plan,
    target: plan.targets[0]!,
    vendor: fakeVendor({}),
    exec: options.exec ?? exec,
    signal: new AbortController().signal,
    workFolder,
    pieces: options.pieces ?? (await openPieces(join(folder, "pieces"))),
    ...fakeKeys(folder),
    progress: () => undefined,
    log: () => undefined,
    warn: () => undefined,
  };
  const app: ArtifactOf<"app"> = {
    kind: "app",
    target,
    path: root,
    bytes: 0,
    sha256: "" as Sha256,
    from: [],
    facts: {
      bundleName: options.bundleName ?? "Plain Nötes 漢字.app",
      signedBy: null,
      identifier: IDENTIFIER,
      shell: options.shell ?? "webview",
      launch: {
        executable: options.executable ?? "bin/start",
        args: options.args ?? ["--own"],
        cwd: "bin",
        env: { OWN: "set by launch" },
      },
      parts: {
        "bin/start": "shell runtime",
        "version 漢字.txt": "app code",
        ballast: "natives",
        ...options.parts,
      },
    },
  };
  const [format] = ctx.target.formats;
  const stage = packageStage(format!.id) as unknown as TargetStage<"stapled-app" | "icons", "installer">;
  const icons = await smallIcons(folder);
  const [installer] = await stage.run(ctx, { "stapled-app": { ...app, kind: "stapled-app" }, icons });
  if (!installer) throw new Error("the stage made nothing");
  return { path: installer.path, root, facts: installer.facts };
}

const ICONS = fileURLToPath(new URL("../../fixtures/icons/", import.meta.url));

/** The folder that the icons stage would make, with the same picture in it everywhere. */
async function smallIcons(folder: string): Promise<ArtifactOf<"icons">> {
  const path = join(folder, "icons");
  await mkdir(path);
  const sizes = [32, 44, 50, 150, 256];
  const png = await readFile(join(ICONS, "rgba8.png"));
  await writeFile(join(folder, "icon.png"), png);
  for (const size of sizes) await writeFile(join(path, `icon-${size}.png`), png);
  await writeFile(join(path, "icon.ico"), encodeIco([{ size: 256, png, rgba: new Uint8Array() }]));
  return { kind: "icons", target: "any", path, bytes: 0, sha256: "" as Sha256, from: [], facts: { sizes: [32, 256] } };
}

/** A single file whose index has been changed afterwards; the frames stay, and so does what follows in an AppImage. */
export async function withIndex(path: string, change: Partial<PayloadIndex>): Promise<void> {
  const { index, indexOffset, origin } = await readPayload(path);
  const frames = index.frames.map((frame) => ({ ...frame, offset: frame.offset - origin }));
  const changed = { ...index, frames, ...change };
  // A member that no reader knows, and that takes the room of what went.
  const tailWith = (padding: string): Buffer => encodeTail(Object.assign({ padding }, changed), indexOffset - origin);
  const before = encodeTail({ ...index, frames }, indexOffset - origin).length;
  const tail = tailWith(origin === 0 ? "" : " ".repeat(Math.max(0, before - tailWith("").length)));
  if (origin !== 0 && tail.length !== before) throw new Error("the index would not fit into the image");
  const file = await open(path, "r+");
  if (origin === 0) await file.truncate(indexOffset);
  await file.write(tail, 0, undefined, indexOffset);
  await file.close();
}

/** A small app that needs nothing of the system it runs on. */
export async function runnableApp(options: SmallAppOptions = {}): Promise<string> {
  const { path } = await packageSmallApp(options);
  await withIndex(path, { requirements: [] });
  return path;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function begin(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd = "/",
): ChildProcessWithoutNullStreams {
  return spawn(file, args, { env: { PATH: process.env.PATH ?? "", ...env }, cwd });
}

export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.end();
  await once(child, "close");
  return { code: child.exitCode, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

export async function start(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd = "/",
): Promise<Ended> {
  return ended(begin(file, args, env, cwd));
}

/** Flips a bit in the middle of the first frame. */
export async function damageFrame(path: string): Promise<void> {
  const { index } = await readPayload(path);
  const frame = index.frames[0]!;
  const bytes = await readFile(path);
  const at = frame.offset + Math.floor(frame.length / 2);
  bytes[at] = bytes[at]! ^ 0x20;
  await writeFile(path, bytes);
}
