/**
 * The blob of a single executable application, written by Node itself
 * (`--experimental-sea-config`; docs: single executable applications). It
 * holds the script and one asset, the payload, both verbatim.
 */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { PAYLOAD_ASSET, encodePayloadHeader } from "../../runtime/sidecar-native/payload.ts";
import type { Segment } from "../artifacts/artifact.ts";
import type { Exec } from "../tools/exec.ts";
import type { TargetPart } from "./target-parts.ts";

export interface SeaBlobRequest {
  /** A Node of the version that will read the blob. */
  readonly node: string;
  readonly exec: Exec;
  /** Empty; it must be this blob's alone. */
  readonly workFolder: string;
  /** The script, absolute. */
  readonly main: string;
  readonly parts: readonly TargetPart[];
  readonly signal: AbortSignal;
}

export interface SeaBlob {
  readonly bytes: Buffer;
  /** What its bytes are, from the first to the last. */
  readonly segments: readonly Segment[];
}

/** Makes the blob. File names in it are relative, so that it is the same wherever it is made. */
export async function seaBlob(request: SeaBlobRequest): Promise<SeaBlob> {
  const { node, exec, workFolder, main, parts, signal } = request;
  const payload = join(workFolder, "payload");
  const header = await writePayload(payload, parts);
  await copyFile(main, join(workFolder, "main.js"));
  const config = {
    main: "main.js",
    output: "blob",
    disableExperimentalSEAWarning: true,
    // Both hold machine code of the building host, and neither is the same twice.
    useSnapshot: false,
    useCodeCache: false,
    // A user's NODE_OPTIONS are for their own programs; in an app they would load foreign code.
    execArgvExtension: "none",
    assets: { [PAYLOAD_ASSET]: "payload" },
  };
  await writeFile(join(workFolder, "sea-config.json"), JSON.stringify(config));
  await exec(node, ["--experimental-sea-config", "sea-config.json"], {
    cwd: workFolder,
    env: { NODE_OPTIONS: undefined },
    signal,
  });
  const bytes = await readFile(join(workFolder, "blob"));
  return { bytes, segments: segmentsOf(bytes, header, parts) };
}

async function writePayload(path: string, parts: readonly TargetPart[]): Promise<Uint8Array> {
  let offset = 0;
  const header = encodePayloadHeader(
    parts.map(({ name, bytes, sha256 }) => {
      const file = { name, offset, length: bytes, sha256 };
      offset += bytes;
      return file;
    }),
  );
  await writeFile(path, header);
  for (const part of parts) await pipeline(createReadStream(part.path), createWriteStream(path, { flags: "a" }));
  return header;
}

function segmentsOf(blob: Buffer, header: Uint8Array, parts: readonly TargetPart[]): readonly Segment[] {
  const start = blob.lastIndexOf(header);
  if (start < 0) throw new Error("Node wrote a blob without the payload");
  const segments: Segment[] = [{ part: "app code", offset: 0, length: start + header.length }];
  let offset = start + header.length;
  for (const { part, bytes } of parts) {
    segments.push({ part, offset, length: bytes });
    offset += bytes;
  }
  if (offset < blob.length) segments.push({ part: "app code", offset, length: blob.length - offset });
  return segments;
}
