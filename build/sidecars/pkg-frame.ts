/**
 * The frame: a target's Node into which `@yao-pkg/pkg` has injected a blob of
 * a given size, with that blob zeroed.
 *
 * Injecting takes 3–15 s and up to 1.4 GB, since LIEF takes the whole program
 * apart and writes it anew; yet outside the blob its result depends on the
 * blob's length alone (`tests/integration/sidecars/pkg.test.ts` compares). So
 * pkg runs once for each Node and size, and a build lays its own blob into the
 * frame: 0.2 s, and the runtime's bytes stay the same from release to release.
 *
 * pkg would download Node; its cache is filled with our locked one first, as
 * its `sea.js` looks for it: archive, archive's `.ok`, program, program's `.ok`.
 */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readFile,
  rename,
  rm,
  writeFile,
  type FileHandle,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { limiter } from "../artifacts/limiter.ts";
import { archOf, executableSuffix, osOf, type Target, type TargetOs } from "../plan/target.ts";
import type { Pieces } from "../stages/stage.ts";
import type { Exec } from "../tools/exec.ts";
import { NODE_VERSION } from "../vendor/requirements.ts";
import type { NodeRuntime } from "./node-runtime.ts";

export interface FrameRequest {
  readonly target: Target;
  /** The program that pkg injects into. */
  readonly runtime: NodeRuntime;
  /** A Node of the same version that runs here. */
  readonly hostNode: string;
  /** Length of the blob to make room for. */
  readonly blobBytes: number;
  readonly exec: Exec;
  readonly pieces: Pieces;
  /** Existing folder for what pkg leaves behind; emptied afterwards. */
  readonly workFolder: string;
  readonly signal: AbortSignal;
  /** Told what pkg prints beyond what is known and harmless. */
  readonly warn: (text: string) => void;
}

export interface Frame {
  /** The program with a zeroed blob, absolute; after its end comes the offset, see `TRAILER_BYTES`. */
  readonly path: string;
  /** Length of the program itself. */
  readonly bytes: number;
  readonly blobOffset: number;
}

const require = createRequire(import.meta.url);
const PKG_MANIFEST = require.resolve("@yao-pkg/pkg/package.json");
const PKG_PROGRAM = require.resolve("@yao-pkg/pkg/lib-es5/bin.js");
/** A piece is one file, so the blob's offset (u64, little endian) follows the program in it. */
const TRAILER_BYTES = 8;
/** The blob writes a script's length before the script. */
const LENGTH_BYTES = 8;
const EXPECTED_OUTPUT =
  /^> (?:pkg@|Extracting node binary|Creating sea-config|Generating the blob|Creating executable for|Injecting the blob)/;
const PKG_OS: Readonly<Record<TargetOs, string>> = { linux: "linux", darwin: "macos", win32: "win" };
const NODE_OS: Readonly<Record<TargetOs, string>> = { linux: "linux", darwin: "darwin", win32: "win" };
/** One at a time: two would need 2.8 GB. */
const oneAtATime = limiter(1);

/** pkg's version and the version of what it injects with: both shape the frame. */
export function pkgVersion(): string {
  const injector = join(dirname(createRequire(PKG_MANIFEST).resolve("postject")), "..", "package.json");
  return `pkg ${versionIn(PKG_MANIFEST)} postject ${versionIn(injector)}`;
}

function versionIn(path: string): string {
  const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest) return String(manifest.version);
  throw new Error(`${path} has no version`);
}

/** The frame of this Node, target and size: from the store of pieces, or made by pkg. */
export async function pkgFrame(request: FrameRequest): Promise<Frame> {
  const { target, runtime, blobBytes, pieces } = request;
  const key = `pkg-frame v1 ${pkgVersion()} ${runtime.key} ${target} ${blobBytes}`;
  // Waiting outside the store leaves its other places to other work.
  const path = await oneAtATime(() => pieces.get(key, (temporary) => makeFrame(request, temporary)));
  return { path, ...(await readTrailer(path)) };
}

async function makeFrame(request: FrameRequest, path: string): Promise<void> {
  const { blobBytes, workFolder, target } = request;
  const folder = await mkdtemp(join(workFolder, "frame-"));
  try {
    const placeholder = await placeholderFor(request, folder);
    const output = join(folder, `out${executableSuffix(target)}`);
    await runPkg(request, folder, placeholder.path, output);

    const blobOffset = (await findOnce(output, placeholder.marker)) - placeholder.markerOffset;
    const file = await open(output, "r+");
    try {
      const head = Buffer.alloc(placeholder.head.length);
      await file.read(head, 0, head.length, blobOffset);
      if (!head.equals(placeholder.head)) throw new Error(`pkg put no blob at ${blobOffset} of ${output}`);
      await zero(file, blobOffset, blobBytes);
      const trailer = Buffer.alloc(TRAILER_BYTES);
      trailer.writeBigUInt64LE(BigInt(blobOffset));
      await file.write(trailer, 0, TRAILER_BYTES, (await file.stat()).size);
    } finally {
      await file.close();
    }
    await rename(output, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Placeholder {
  /** The script, absolute. */
  readonly path: string;
  /** The script's first bytes, found nowhere else. */
  readonly marker: Buffer;
  readonly markerOffset: number;
  /** The blob's first bytes, up to the script's length. */
  readonly head: Buffer;
}

/** A script from which pkg will make a blob of exactly the wanted length: everything else in it is measured first. */
async function placeholderFor(
  { blobBytes, hostNode, exec, signal }: FrameRequest,
  folder: string,
): Promise<Placeholder> {
  const path = join(folder, "placeholder.js");
  const marker = Buffer.from(`// erth frame ${createHash("sha256").update(folder).digest("hex")}\n`);
  await writeFile(path, marker);
  const config = {
    main: path,
    output: join(folder, "measure.blob"),
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: false,
  };
  await writeFile(join(folder, "measure.json"), JSON.stringify(config));
  await exec(hostNode, ["--experimental-sea-config", join(folder, "measure.json")], {
    cwd: folder,
    env: { NODE_OPTIONS: undefined },
    signal,
  });
  const measured = await readFile(config.output);
  const markerOffset = measured.indexOf(marker);
  const scriptBytes = blobBytes - (measured.length - marker.length);
  if (markerOffset < LENGTH_BYTES || scriptBytes < marker.length) {
    throw new Error(`a blob of ${blobBytes} bytes cannot hold the placeholder`);
  }
  const script = Buffer.alloc(scriptBytes, "\n");
  marker.copy(script);
  await writeFile(path, script);
  return { path, marker, markerOffset, head: measured.subarray(0, markerOffset - LENGTH_BYTES) };
}

async function runPkg(request: FrameRequest, folder: string, entry: string, output: string): Promise<void> {
  const { target, runtime, hostNode, exec, signal, warn } = request;
  const os = osOf(target);
  const home = join(folder, "home");
  const cache = join(home, ".pkg-cache", "sea");
  const name = `node-v${NODE_VERSION}-${NODE_OS[os]}-${archOf(target)}`;
  const archive = join(cache, `${name}.${os === "win32" ? "zip" : "tar.gz"}`);
  const program = os === "win32" ? join(cache, `${name}.exe`) : join(cache, name, "bin", "node");
  await mkdir(dirname(program), { recursive: true });
  // A copy of its own, since pkg runs it where host and target are the same.
  await copyFile(runtime.path, program);
  await chmod(program, 0o755);
  for (const marker of [archive, `${archive}.ok`, `${program}.ok`]) await writeFile(marker, "");

  const args = ["--sea", entry, "--targets", `node${NODE_VERSION}-${PKG_OS[os]}-${archOf(target)}`, "--output", output];
  const { stdout, stderr } = await exec(hostNode, [PKG_PROGRAM, ...args, "--no-signature"], {
    cwd: folder,
    env: {
      // pkg's SEA mode looks for its cache in the home folder and nowhere else.
      HOME: home,
      USERPROFILE: home,
      PKG_CACHE_PATH: join(home, ".pkg-cache"),
      TMPDIR: folder,
      TEMP: folder,
      TMP: folder,
      NODE_OPTIONS: undefined,
    },
    signal,
  });
  for (const line of `${stdout}\n${stderr}`.split("\n")) {
    if (line.trim() !== "" && !EXPECTED_OUTPUT.test(line)) warn(`pkg: ${line.trim()}`);
  }
}

async function readTrailer(path: string): Promise<{ readonly bytes: number; readonly blobOffset: number }> {
  const file = await open(path, "r");
  try {
    const bytes = (await file.stat()).size - TRAILER_BYTES;
    const trailer = Buffer.alloc(TRAILER_BYTES);
    await file.read(trailer, 0, TRAILER_BYTES, bytes);
    return { bytes, blobOffset: Number(trailer.readBigUInt64LE()) };
  } finally {
    await file.close();
  }
}

/** Where in a file these bytes are; anything but exactly once is an error. */
async function findOnce(path: string, needle: Buffer): Promise<number> {
  const found: number[] = [];
  let carried = Buffer.alloc(0);
  let position = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 22 }) as AsyncIterable<Buffer>) {
    const window = Buffer.concat([carried, chunk]);
    const start = position - carried.length;
    for (let at = window.indexOf(needle); at >= 0; at = window.indexOf(needle, at + 1)) found.push(start + at);
    carried = Buffer.from(window.subarray(Math.max(0, window.length - needle.length + 1)));
    position += chunk.length;
  }
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new Error(`pkg injected the blob ${found.length} times into ${path}`);
  return only;
}

async function zero(file: FileHandle, offset: number, length: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(length, 1 << 20));
  for (let done = 0; done < length;) {
    done += (await file.write(zeros, 0, Math.min(zeros.length, length - done), offset + done)).bytesWritten;
  }
}
