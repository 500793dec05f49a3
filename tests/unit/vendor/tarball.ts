/** Makes `.tar.gz` bytes entry by entry, hostile ones included. */
import { gzipSync } from "node:zlib";
import { Header } from "tar";

export interface Entry {
  readonly path: string;
  readonly type?: "File" | "Directory" | "SymbolicLink" | "Link" | "CharacterDevice" | "BlockDevice" | "FIFO";
  readonly body?: string | Uint8Array;
  readonly mode?: number;
  readonly linkpath?: string;
}

export function tarball(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, type = "File", body = "", mode = 0o644, linkpath }) => {
    const bytes = Buffer.from(body);
    const header = Buffer.alloc(512);
    new Header({
      path,
      type,
      mode,
      size: bytes.length,
      mtime: new Date(0),
      ...(linkpath === undefined ? {} : { linkpath }),
    }).encode(header, 0);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]), { level: 1 });
}
