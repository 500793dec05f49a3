/** Stage: shell, sidecar, icons and facts → the finished app folder of a target. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { chmod, copyFile, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";
import type { ArtifactFacts } from "../artifacts/artifact.ts";
import type { ShellKind } from "../config/resolved-config.ts";
import { osOf, executableSuffix, type Target } from "../plan/target.ts";
import { electrobunVendor, layoutElectrobun } from "../shells/electrobun.ts";
import type { AppLayout, LayoutFile } from "../shells/layout.ts";
import { layoutWebview, webviewVendor } from "../shells/webview.ts";
import { targetStage, type Inputs, type Stage, type TargetContext } from "./stage.ts";

const LAUNCHERS = fileURLToPath(new URL("../stub/prebuilt/", import.meta.url));

type Needs = "shell-bundle" | "sidecar" | "icons";

/** The stage; a test gives its own folder of launchers. */
export function assembleAppStage(launcherFolder: string): Stage {
  return targetStage<Needs, "app">({
    id: "assemble-app",
    version: 1,
    scope: "target",
    needs: ["shell-bundle", "sidecar", "icons"],
    makes: ["app"],
    reads(ctx) {
      const { target, shell } = ctx.target;
      const { app, shell: window } = ctx.config;
      return {
        values: { app: { ...app, icon: undefined }, window: window.window, shell: shell.kind, target },
        vendor: vendorOf(shell.kind, target),
        files: launcherOf(launcherFolder, shell.kind, target),
      };
    },
    async run(ctx, inputs) {
      const layout = await layoutOf(ctx, inputs, launcherFolder);
      const folder = join(ctx.workFolder, "app");
      await writeLayout(folder, layout);
      return [{ kind: "app", path: folder, facts: factsOf(ctx, layout) }];
    },
  });
}

export const assembleApp = assembleAppStage(LAUNCHERS);

function vendorOf(shell: ShellKind, target: Target): readonly string[] {
  return shell === "electrobun" ? electrobunVendor(target) : webviewVendor(target);
}

/** macOS and Windows need something to double-click; Linux starts from its single file. */
function launcherOf(folder: string, shell: ShellKind, target: Target): readonly string[] {
  if (shell === "electrobun" || osOf(target) === "linux") return [];
  return [join(folder, `${target}${executableSuffix(target)}`)];
}

async function layoutOf(ctx: TargetContext, inputs: Inputs<Needs>, launcherFolder: string): Promise<AppLayout> {
  const { target, shell } = ctx.target;
  const { sidecar, icons, "shell-bundle": bundle } = inputs;
  const shellFolder = join(bundle.path, shell.kind);
  const [shellFiles, sidecarFiles] = await Promise.all([filesIn(shellFolder), filesIn(sidecar.path)]);
  const layout = shell.kind === "electrobun" ? layoutElectrobun : layoutWebview;
  const made = await layout({
    config: ctx.config,
    target,
    vendor: ctx.vendor,
    shellFolder,
    shellFiles,
    iconFolder: icons.path,
    iconSizes: icons.facts.sizes,
    sidecar: { ...sidecar.facts, folder: sidecar.path, files: sidecarFiles },
    launcherFolder,
    contentDigest: contentDigest(ctx, inputs),
  });
  assertDistinct(made.files);
  return made;
}

/** Follows everything that the app is made of, without reading it again. */
function contentDigest({ config, target, vendor }: TargetContext, inputs: Inputs<Needs>): string {
  const vendored = vendorOf(target.shell.kind, target.target).map((name) => [name, vendor.digest(name) ?? ""]);
  const parts = [config.app.version, target.target, vendored, Object.values(inputs).map(({ sha256 }) => sha256)];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** Two files under one name would silently lose one; on macOS and Windows the case of a name does not count. */
function assertDistinct(files: readonly LayoutFile[]): void {
  const seen = new Set<string>();
  for (const { path } of files) {
    const folded = path.normalize("NFC").toLowerCase();
    if (seen.has(folded)) {
      throw new ErthError({
        code: "APP_FILE_TWICE",
        message: `two files of the app would both be ${path}.`,
        remedy: "give the app another app.name or the sidecar's files other names, then erth build",
      });
    }
    seen.add(folded);
  }
}

function factsOf(ctx: TargetContext, layout: AppLayout): ArtifactFacts["app"] {
  const sorted = [...layout.files].sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    bundleName: layout.bundleName,
    identifier: ctx.config.app.identifier,
    shell: ctx.target.shell.kind,
    launch: layout.launch,
    signedBy: null,
    parts: Object.fromEntries(sorted.map(({ path, part }) => [path, part])),
  };
}

async function writeLayout(folder: string, layout: AppLayout): Promise<void> {
  const folders = new Set([...layout.emptyFolders, ...layout.files.map(({ path }) => dirname(path))]);
  for (const name of folders) await mkdir(join(folder, name), { recursive: true });
  for (const file of layout.files) {
    const to = join(folder, file.path);
    if ("text" in file.source) await writeFile(to, file.source.text);
    else if (file.source.edit) await writeFile(to, file.source.edit(await readPiece(file.source.file)));
    else await copyLarge(file.source.file, to);
    await chmod(to, file.isExecutable ? 0o755 : 0o644);
  }
}

/** Shares the blocks with the source where the file system can; never goes through this process's memory. */
async function copyLarge(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  } catch (cause) {
    throw uncopied(from, cause);
  }
}

async function readPiece(from: string): Promise<Uint8Array> {
  try {
    return await readFile(from);
  } catch (cause) {
    throw uncopied(from, cause);
  }
}

function uncopied(from: string, cause: unknown): ErthError {
  const isMissing = systemCode(cause) === "ENOENT";
  return new ErthError({
    code: isMissing ? "APP_PIECE_MISSING" : "APP_PIECE_UNCOPIED",
    message: isMissing
      ? `${from} is needed for the app and is not there.`
      : `${from} could not be copied: ${messageOf(cause)}.`,
    remedy: isMissing ? "erth lock, then erth build" : "make room on the disk or mend the permissions, then erth build",
    cause,
  });
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}
