/** A laid-out squashfs image as its bytes, in order and with bounded memory. */
import type { SquashfsLayout } from "./squashfs.ts";

/**
 * The image's bytes. `open` gives the content of a file that was laid out by
 * its length alone; one that gives another number of bytes is a bug.
 */
export async function* squashfsChunks(
  layout: SquashfsLayout,
  open: (path: string) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  const upTo = (offset: number): Uint8Array => {
    const padding = Buffer.alloc(offset - at);
    at = offset;
    return padding;
  };
  yield layout.superblock;
  at += layout.superblock.length;
  for (const { path, offset, content } of layout.contents) {
    yield upTo(offset);
    const [chunks, bytes] = content instanceof Uint8Array ? [[content], content.length] : [open(path), content.bytes];
    for await (const chunk of chunks) {
      yield chunk;
      at += chunk.length;
    }
    if (at !== offset + bytes) throw new Error(`${path} gave ${at - offset} of ${bytes} bytes`);
  }
  yield upTo(layout.tablesOffset);
  yield layout.tables;
  at += layout.tables.length;
  yield upTo(layout.imageBytes);
}
