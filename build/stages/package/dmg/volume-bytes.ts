/** The bytes of a planned volume, read from where they lie without ever holding it whole. */
import { open, type FileHandle } from "node:fs/promises";
import { fileChanged } from "../../../formats/byte-range.ts";
import type { HfsPlusImage, PlacedContent } from "../../../formats/hfs-plus.ts";
import type { ContentSource, DmgVolume } from "./volume.ts";

/** Exactly these bytes of the volume. Throws `FILE_CHANGED` where a file has become shorter. */
export async function readVolume(
  image: HfsPlusImage,
  { sources }: DmgVolume,
  { offset, bytes }: { readonly offset: number; readonly bytes: number },
): Promise<Buffer> {
  const result = Buffer.alloc(bytes);
  const put = (from: Uint8Array, at: number): void => {
    const start = Math.max(at, offset);
    const end = Math.min(at + from.length, offset + bytes);
    if (start < end) result.set(from.subarray(start - at, end - at), start - offset);
  };
  put(image.head, 0);
  put(image.tail, image.bytes - image.tail.length);
  for (let at = firstBehind(image.contents, offset); at < image.contents.length; at += 1) {
    const content = image.contents[at];
    if (content === undefined || content.offset >= offset + bytes) break;
    const source = sourceOf(content, sources);
    if ("bytes" in source) {
      put(source.bytes, content.offset);
      continue;
    }
    const start = Math.max(content.offset, offset);
    const end = Math.min(content.offset + content.bytes, offset + bytes);
    await readPart(source.file, start - content.offset, result.subarray(start - offset, end - offset));
  }
  return result;
}

function sourceOf({ item }: PlacedContent, sources: DmgVolume["sources"]): ContentSource {
  if (item.kind === "link") return { bytes: Buffer.from(item.target) };
  const source = sources.get(item.path);
  if (source === undefined) throw new Error(`${item.path} has no content`);
  return source;
}

/** Index of the first content that ends behind an offset. */
function firstBehind(contents: readonly PlacedContent[], offset: number): number {
  let low = 0;
  let high = contents.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const content = contents[middle];
    if (content && content.offset + content.bytes > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function readPart(path: string, from: number, into: Buffer): Promise<void> {
  const file: FileHandle = await open(path, "r");
  try {
    for (let done = 0; done < into.length;) {
      const { bytesRead } = await file.read(into, done, into.length - done, from + done);
      if (bytesRead === 0) throw fileChanged(path);
      done += bytesRead;
    }
  } finally {
    await file.close();
  }
}
