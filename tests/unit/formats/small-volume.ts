/** Volumes and disk images in memory, for the tests of their writers and readers. */
import { crc32, deflateSync } from "node:zlib";
import { createRequire } from "node:module";
import type { SevenZipModuleFactory } from "7z-wasm";
import type { HfsPlusItem } from "../../../build/formats/hfs-plus.ts";
import { planHfsPlus } from "../../../build/formats/hfs-plus.ts";
import { encodeUdifEnd, type RunMethod, type UdifResource, type UdifRun } from "../../../build/formats/udif.ts";

/** CommonJS, whatever its types say. */
const sevenZip = createRequire(import.meta.url)("7z-wasm") as SevenZipModuleFactory;

export const DATE = new Date("2026-01-02T03:04:05Z");

export type SmallItem =
  | { readonly path: string; readonly content: Uint8Array | string; readonly isExecutable?: boolean }
  | { readonly path: string; readonly target: string }
  | { readonly path: string };

/** The whole volume, contents in their places. */
export function smallVolume(items: readonly SmallItem[], name = "Notes", finderFlags = 0): Buffer {
  const contents = new Map<string, Buffer>();
  const planned = items.map((item): HfsPlusItem => {
    const { path } = item;
    if ("target" in item) {
      contents.set(path, Buffer.from(item.target));
      return { kind: "link", path, target: item.target };
    }
    if (!("content" in item)) return { kind: "folder", path };
    const content = Buffer.from(item.content as string);
    contents.set(path, content);
    return { kind: "file", path, bytes: content.length, isExecutable: item.isExecutable ?? false };
  });
  const image = planHfsPlus({ name, date: DATE, items: planned, finderFlags });
  const volume = Buffer.alloc(image.bytes);
  volume.set(image.head);
  for (const { item, offset, bytes } of image.contents) {
    const content = contents.get(item.path);
    if (content?.length !== bytes) throw new Error(`${item.path} has other bytes`);
    volume.set(content, offset);
  }
  volume.set(image.tail, image.bytes - image.tail.length);
  return volume;
}

/** A whole disk image of a volume, in runs of this many bytes. */
export async function smallImage(
  volume: Buffer,
  method: RunMethod,
  runBytes = 64 << 10,
  resources: readonly UdifResource[] = [],
): Promise<Buffer> {
  const stored: Buffer[] = [];
  const runs: UdifRun[] = [];
  for (let at = 0; at < volume.length; at += runBytes) {
    const raw = volume.subarray(at, at + runBytes);
    const packed = method === "raw" ? raw : method === "zlib" ? deflateSync(raw) : Buffer.from(await encodeXz(raw));
    stored.push(packed);
    runs.push({ method, sectors: raw.length / 512, storedBytes: packed.length });
  }
  const data = Buffer.concat(stored);
  const end = encodeUdifEnd({ runs, rawCrc32: crc32(volume), dataCrc32: crc32(data), resources });
  return Buffer.concat([data, end]);
}

/** One stream with CRC-32, as in real images. */
export async function encodeXz(bytes: Uint8Array): Promise<Uint8Array> {
  const program = await sevenZip({ print: () => undefined, printErr: () => undefined });
  program.FS.writeFile("/in", bytes);
  program.callMain(["a", "-txz", "-mx=6", "-mmt=1", "/out.xz", "/in"]);
  return program.FS.readFile("/out.xz");
}
