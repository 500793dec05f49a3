/** Small Windows apps, packaged by the real stages, for tests that install them. */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ArtifactOf, Sha256 } from "../../build/artifacts/artifact.ts";
import { listTree } from "../../build/artifacts/digest.ts";
import { openPieces } from "../../build/artifacts/pieces.ts";
import type { SetupConfig } from "../../build/config/package/setup.ts";
import { slugOf } from "../../build/config/slug.ts";
import { encodeIco } from "../../build/formats/ico.ts";
import type { FormatId } from "../../build/plan/package-format.ts";
import { fileNameOf } from "../../build/shells/bundle-name.ts";
import { packageStage, WRITERS } from "../../build/stages/package.ts";
import type { TargetContext, TargetStage } from "../../build/stages/stage.ts";
import { compareTrees } from "../../build/stages/verify/compare-trees.ts";
import { exec } from "../../build/tools/exec.ts";
import type { Problem } from "../../runtime/base/errors.ts";
import { fakeConfig, fakeKeys, fakePlan, fakeVendor } from "./fake-config.ts";
import { scratchFolder } from "./scratch.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures");
export const IDENTIFIER = "dev.example.notes";

export interface WindowsAppOptions {
  readonly format: Extract<FormatId, "setup" | "msi">;
  readonly name?: string;
  readonly version?: string;
  readonly setup?: Partial<SetupConfig>;
  /** Keys, and a plan that has them. */
  readonly context?: Partial<Pick<TargetContext, "keyring" | "target">>;
  /** More files of the app: path to content. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

export interface WindowsPackage {
  /** The installer. */
  readonly path: string;
  /** The app folder that it was made from. */
  readonly root: string;
  /** What users start, in the app folder. */
  readonly executable: string;
  /** Opens it again as the release does: what differs from the app folder. */
  readonly proof: () => Promise<readonly Problem[]>;
  readonly installer: ArtifactOf<"installer">["facts"];
}

let program: Promise<Buffer> | undefined;

/** The fixture program for Windows, built once. */
function windowsProgram(): Promise<Buffer> {
  return (program ??= (async () => {
    const output = join(await mkdtemp(join(tmpdir(), "erth-program-")), "program.exe");
    execFileSync("go", ["build", "-trimpath", "-ldflags", "-s -w -H windowsgui", "-o", output, "."], {
      cwd: join(FIXTURES, "windows-program"),
      env: { ...process.env, GOOS: "windows", GOARCH: "amd64", CGO_ENABLED: "0" },
    });
    return readFile(output);
  })());
}

/** Packages an app of three programs' names, empty folders and names in several scripts. */
export async function packageWindowsApp(options: WindowsAppOptions): Promise<WindowsPackage> {
  const { format, name = "Plain Notes", version = "1.2.3" } = options;
  const folder = await scratchFolder();
  const root = join(folder, "app");
  const executable = `${fileNameOf(name, slugOf(name, IDENTIFIER), "win32")}.exe`;
  const files: Record<string, string | Uint8Array> = {
    [executable]: await windowsProgram(),
    "bin/bun.exe": await windowsProgram(),
    "resources/icon.ico": await icon(),
    "resources/日本 $x 'q'.txt": version,
    ...options.files,
  };
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content, { mode: path.endsWith(".exe") ? 0o755 : 0o644 });
  }
  await mkdir(join(root, "empty/in ner"), { recursive: true });

  const plain = fakeConfig(folder);
  const config = {
    ...plain,
    app: { ...plain.app, name, slug: slugOf(name, IDENTIFIER), version, identifier: IDENTIFIER },
    package: { ...plain.package, setup: { ...plain.package.setup, ...options.setup } },
  };
  const plan = fakePlan(["win32-x64"], [format]);
  const workFolder = join(folder, "work");
  await mkdir(workFolder);
  const ctx: TargetContext = {
    config,
    plan,
    target: plan.targets[0]!,
    vendor: fakeVendor({}),
    ...fakeKeys(folder),
    exec,
    signal: new AbortController().signal,
    workFolder,
    pieces: await openPieces(join(folder, "pieces")),
    ...fakeKeys(folder),
    ...options.context,
    progress: () => undefined,
    log: () => undefined,
    warn: () => undefined,
  };
  const paths = (await listTree(root)).filter(({ kind }) => kind === "file").map(({ path }) => path);
  const app: ArtifactOf<"stapled-app"> = {
    kind: "stapled-app",
    target: "win32-x64",
    path: root,
    bytes: 0,
    sha256: "" as Sha256,
    from: [],
    facts: {
      bundleName: executable.slice(0, -".exe".length),
      signedBy: null,
      identifier: IDENTIFIER,
      shell: "webview",
      launch: { executable, args: ["--own", 'a "b"'], cwd: "bin", env: {} },
      parts: Object.fromEntries(paths.map((path) => [path, "app code" as const])),
    },
  };
  const icons = {
    kind: "icons",
    target: "any",
    path: join(root, "resources"),
    bytes: 0,
    sha256: "" as Sha256,
  } as const;
  const stage = packageStage(format) as unknown as TargetStage<"stapled-app" | "icons", "installer">;
  const [installer] = await stage.run(ctx, {
    "stapled-app": app,
    icons: { ...icons, from: [], facts: { sizes: [256] } },
  });
  if (!installer) throw new Error("the stage made nothing");
  return {
    path: installer.path,
    root,
    executable,
    installer: installer.facts,
    async proof() {
      const [reader] = WRITERS[format].proof.readers("win32-x64");
      if (!reader) throw new Error(`no reader of ${format}`);
      const unpacked = join(await scratchFolder(), "unpacked");
      await reader.read({ file: installer.path, folder: unpacked, exec, signal: ctx.signal });
      const appRoot = WRITERS[format].proof.appRoot(app.facts, config);
      return compareTrees({ staged: root, unpacked, appRoot, isExtra: undefined, reader, fileName: "it" });
    },
  };
}

async function icon(): Promise<Uint8Array> {
  const png = await readFile(join(FIXTURES, "icons/rgba8.png"));
  return encodeIco([{ size: 256, png, rgba: new Uint8Array() }]);
}
