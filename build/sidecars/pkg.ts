/**
 * Sidecar kind `pkg`: one executable per target, Node with the script, the
 * addons and the seed inside, verbatim and uncompressed, since the container
 * compresses later. What each byte belongs to is said in segments, so that a
 * release recompresses only what changed.
 *
 * macOS and Windows programs come out unsigned: injecting has taken Apple's
 * signature away and made Microsoft's void. Signing them is a later stage's.
 */
import { constants } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Segment } from "../artifacts/artifact.ts";
import type { Target } from "../plan/target.ts";
import type { Pieces } from "../stages/stage.ts";
import type { Exec } from "../tools/exec.ts";
import type { Vendor } from "../vendor/vendor.ts";
import { hostNode, targetNode } from "./node-runtime.ts";
import { pkgFrame } from "./pkg-frame.ts";
import { seaBlob } from "./sea-blob.ts";
import type { TargetPart } from "./target-parts.ts";

export interface PkgSidecarRequest {
  readonly target: Target;
  /** The bundled script, absolute. */
  readonly main: string;
  readonly parts: readonly TargetPart[];
  readonly vendor: Vendor;
  readonly pieces: Pieces;
  readonly exec: Exec;
  readonly signal: AbortSignal;
  /** Existing folder for intermediate files; left as it was. */
  readonly workFolder: string;
  /** The executable to write, absolute. */
  readonly output: string;
  readonly log: (text: string) => void;
  readonly warn: (text: string) => void;
}

/** Blobs are rounded up to this, so that new app code rarely needs a new frame; zeros compress to nothing. */
const BLOB_GRAIN_BYTES = 1 << 20;

/** Makes the executable and says what its bytes are, without gap or overlap. */
export async function buildPkgSidecar(request: PkgSidecarRequest): Promise<readonly Segment[]> {
  const { target, main, parts, vendor, pieces, exec, signal, workFolder, output, log, warn } = request;
  const node = await hostNode(vendor);
  const runtime = await targetNode(target, vendor, pieces);
  if (runtime.stripped !== undefined) log(runtime.stripped);
  const blobFolder = await mkdtemp(join(workFolder, "blob-"));
  try {
    const blob = await seaBlob({ node, exec, workFolder: blobFolder, main, parts, signal });
    const blobBytes = Math.ceil(blob.bytes.length / BLOB_GRAIN_BYTES) * BLOB_GRAIN_BYTES;
    const frame = await pkgFrame({
      target,
      runtime,
      hostNode: node,
      blobBytes,
      exec,
      pieces,
      workFolder,
      signal,
      warn,
    });

    await mkdir(dirname(output), { recursive: true });
    await copyFile(frame.path, output, constants.COPYFILE_FICLONE);
    const file = await open(output, "r+");
    try {
      await file.truncate(frame.bytes);
      for (let done = 0; done < blob.bytes.length;) {
        done += (await file.write(blob.bytes, done, undefined, frame.blobOffset + done)).bytesWritten;
      }
    } finally {
      await file.close();
    }
    await chmod(output, 0o755);
    return placed(blob.segments, frame.blobOffset, blobBytes, frame.bytes);
  } finally {
    await rm(blobFolder, { recursive: true, force: true });
  }
}

/** The blob's segments moved to their place in the program, with the runtime before and after, neighbours of one part joined. */
function placed(blob: readonly Segment[], blobOffset: number, blobBytes: number, bytes: number): readonly Segment[] {
  const used = blob.reduce((sum, { length }) => sum + length, 0);
  const end = blobOffset + blobBytes;
  const all: readonly Segment[] = [
    { part: "sidecar runtime", offset: 0, length: blobOffset },
    ...blob.map(({ part, offset, length }) => ({ part, offset: blobOffset + offset, length })),
    { part: "app code", offset: blobOffset + used, length: blobBytes - used },
    { part: "sidecar runtime", offset: end, length: bytes - end },
  ];
  const joined: Segment[] = [];
  for (const segment of all) {
    const last = joined.at(-1);
    if (segment.length === 0) continue;
    if (last?.part === segment.part) joined[joined.length - 1] = { ...last, length: last.length + segment.length };
    else joined.push(segment);
  }
  return joined;
}
