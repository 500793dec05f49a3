/**
 * Format: a `-setup.exe` by NSIS around the same payload as the portable
 * program's. NSIS alone would compress better by a twentieth, but all of it
 * anew for every changed line, for three minutes; and it has no filter for
 * code. `formats/nsis-script.ts` has the script, `formats/nsis/` its steps.
 */
import { copyFile, mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ErthError, messageOf, ProblemsError, type Problem } from "../../../runtime/base/errors.ts";
import type { NsisFacts } from "../../formats/nsis-facts.ts";
import { NSIS_FILES, renderFileList, renderNsisScript } from "../../formats/nsis-script.ts";
import { identityOf } from "../../keys/key-identity.ts";
import type { WindowsSigning } from "../../config/resolved-signing.ts";
import { signWindowsFile } from "../../sign/windows-code.ts";
import { stubPath } from "../../stub/targets.ts";
import { findMakensis, type Makensis } from "../../tools/makensis.ts";
import type { TargetContext } from "../stage.ts";
import { setupReaders } from "../verify/container-reader.ts";
import type { PackageFormat, PackageRequest, PackageResult } from "./package-format.ts";
import { fileChunks, packPayload, payloadReads } from "./packed-payload.ts";
import { windowsApp, windowsTreeProblems } from "./windows-app.ts";

const SCRIPTS = fileURLToPath(new URL("../../formats/nsis/", import.meta.url));
const SCRIPT_NAMES = ["common.nsh", "install.nsh", "uninstall.nsh"];
const UNINSTALLER = "uninstaller.exe";
/** NSIS opens its output as a 32-bit program and counts with signed offsets. */
const MAX_FILE_BYTES = 0x7fff_ffff;

export const setup: PackageFormat = {
  version: 1,
  async preflight(ctx) {
    try {
      await makensisOf(ctx);
      return [];
    } catch (error) {
      if (!(error instanceof ErthError)) throw error;
      return [error satisfies Problem];
    }
  },
  async reads(ctx) {
    const { config, target, keyring } = ctx;
    const { license, webview2Bootstrapper } = config.package.setup;
    const windows = signingOf(ctx);
    return {
      values: {
        payload: payloadReads(ctx),
        app: windowsApp(ctx),
        setup: { ...config.package.setup, license: undefined, webview2Bootstrapper: undefined },
        makensis: (await makensisOf(ctx)).version,
        signing: windows && { ...windows, key: await identityOf(keyring, windows.key) },
      },
      files: [
        stubPath(target.target),
        ...SCRIPT_NAMES.map((name) => join(SCRIPTS, name)),
        ...[license, webview2Bootstrapper].filter((file) => file !== undefined),
      ],
    };
  },
  write: writeSetup,
  proof: { readers: () => setupReaders(), appRoot: () => "" },
};

/** Programs that the setup brings along have signatures where the app's own have. */
function signingOf({ target, keyring }: TargetContext): WindowsSigning | undefined {
  return target.signing.code === "key" ? keyring.signing.windows : undefined;
}

function makensisOf({ exec, config }: TargetContext): Promise<Makensis> {
  return findMakensis({ exec, env: process.env, folder: config.vendor.folders["nsis"] });
}

async function writeSetup(request: PackageRequest): Promise<PackageResult> {
  const { ctx, tree, path } = request;
  const problems = windowsTreeProblems(tree);
  if (problems.length > 0) throw new ProblemsError(problems);
  const folder = join(ctx.workFolder, "setup");
  await mkdir(folder);
  try {
    const makensis = await makensisOf(ctx);
    const payloadParts = await writePayload(request, join(folder, NSIS_FILES.payload));
    await writeInputs(request, folder);
    // The uninstaller is taken out, to be weighed and signed; a signed one is put in by a second run.
    await compile(request, makensis, folder, copyCommand("%1", UNINSTALLER));
    const uninstaller = join(folder, UNINSTALLER);
    const windows = signingOf(ctx);
    if (windows) {
      const { keyring, signal } = ctx;
      await signWindowsFile({ keyring, windows, input: uninstaller, output: uninstaller, signal });
      await rm(join(folder, NSIS_FILES.output));
      await compile(request, makensis, folder, copyCommand(UNINSTALLER, "%1"));
    }
    const output = join(folder, NSIS_FILES.output);
    const fileBytes = (await stat(output)).size;
    if (fileBytes > MAX_FILE_BYTES) throw tooLarge(fileBytes);
    await sync(output);
    await rename(output, path);
    const parts = { ...payloadParts, container: 0 };
    const container = fileBytes - Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
    const listBytes = (await stat(join(folder, NSIS_FILES.fileList))).size;
    return {
      compressedBytes: { ...parts, container },
      containerDiskBytes: (await stat(uninstaller)).size + listBytes,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The stub with the app behind it: it is asked for nothing but `--erth-extract`. */
async function writePayload(request: PackageRequest, path: string): Promise<PackageResult["compressedBytes"]> {
  const { ctx } = request;
  const stub = stubPath(ctx.target.target);
  const stubBytes = (await stat(stub)).size;
  const payload = await packPayload(request, stubBytes);
  const file = await open(path, "wx");
  try {
    for await (const chunk of fileChunks(stub, stubBytes)) await file.writeFile(chunk);
    for await (const chunk of payload.chunks()) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
  const windows = signingOf(ctx);
  if (windows) await signWindowsFile({ keyring: ctx.keyring, windows, input: path, output: path, signal: ctx.signal });
  return payload.compressedBytes;
}

async function writeInputs({ ctx, tree, icons }: PackageRequest, folder: string): Promise<void> {
  const { license, webview2Bootstrapper } = ctx.config.package.setup;
  const to = (name: string): string => join(folder, name);
  await writeFile(to(NSIS_FILES.fileList), renderFileList(tree.entries));
  await copyFile(join(icons.path, "icon.ico"), to(NSIS_FILES.icon));
  for (const name of SCRIPT_NAMES) await copyFile(join(SCRIPTS, name), to(name));
  if (webview2Bootstrapper !== undefined) await copyFile(webview2Bootstrapper, to(NSIS_FILES.webview2));
  if (license === undefined) return;
  const text = await readFile(license);
  // Without its mark, NSIS would take UTF-8 for the build machine's own code page.
  const isMarked = text.subarray(0, 3).equals(Buffer.from("\ufeff")) || isRtf(license);
  await writeFile(to(licenseName(license)), isMarked ? text : Buffer.concat([Buffer.from("\ufeff"), text]));
}

function isRtf(license: string): boolean {
  return extname(license).toLowerCase() === ".rtf";
}

function licenseName(license: string): string {
  return isRtf(license) ? "license.rtf" : "license.txt";
}

async function compile(
  request: PackageRequest,
  makensis: Makensis,
  folder: string,
  finalizeUninstaller: string,
): Promise<void> {
  const { ctx } = request;
  await writeFile(join(folder, NSIS_FILES.script), renderNsisScript({ ...factsOf(request), finalizeUninstaller }));
  const args = ["-V2", "-WX", "-INPUTCHARSET", "UTF8", NSIS_FILES.script];
  try {
    await ctx.exec(makensis.path, args, {
      cwd: folder,
      // Without a locale of UTF-8 it cannot even name the script's own strings.
      env: { ...makensis.env, LC_ALL: "C.UTF-8", SOURCE_DATE_EPOCH: "315532800" },
      signal: ctx.signal,
    });
  } catch (cause) {
    ctx.signal.throwIfAborted();
    throw new ErthError({
      code: "SETUP_NOT_COMPILED",
      message: `makensis ${makensis.version} did not take the script: ${messageOf(cause)}`,
      remedy: "try another version of NSIS; report this if it stays",
      cause,
    });
  }
}

function factsOf({ ctx, app, tree }: PackageRequest): Omit<NsisFacts, "finalizeUninstaller"> {
  const { license, webview2Bootstrapper, ...asked } = ctx.config.package.setup;
  const { executable, args, cwd } = app.facts.launch;
  const iconInApp = tree.entries.find(({ path }) => /^resources\/(?:icon|app)\.ico$/i.test(path))?.path;
  return {
    app: windowsApp(ctx),
    launch: { executable, args, cwd },
    iconInApp,
    installedBytes: tree.fileBytes,
    ...asked,
    license: license === undefined ? undefined : licenseName(license),
    webview2Bootstrapper: webview2Bootstrapper !== undefined,
  };
}

/** For the shell of this machine, which makensis starts in the script's folder. */
function copyCommand(from: string, to: string): string {
  return process.platform === "win32" ? `copy /y "${from}" "${to}"` : `cp -- "${from}" "${to}"`;
}

async function sync(path: string): Promise<void> {
  const file = await open(path, "r+");
  await file.sync();
  await file.close();
}

function tooLarge(bytes: number): ErthError {
  return new ErthError({
    code: "SETUP_LIMIT",
    message: `the setup would have ${bytes} bytes; NSIS ends at ${MAX_FILE_BYTES}.`,
    remedy: "leave big files out of the app, or take zip instead of setup in package.formats.win32",
  });
}
