/** The part of archiver 8 that `zip.ts` uses; the package has no types of its own. */
declare module "archiver" {
  import type { Readable, Transform } from "node:stream";
  import type { ZlibOptions } from "node:zlib";

  export interface EntryData {
    readonly name: string;
    readonly date: Date;
    readonly mode: number;
    readonly type?: "symlink";
    /** Target of a link; undocumented, and the only way to give a link a date. */
    readonly linkname?: string;
  }

  export class ZipArchive extends Transform {
    constructor(options: { readonly zlib: ZlibOptions });
    append(source: Readable | Buffer, data: EntryData): this;
    finalize(): Promise<void>;
    abort(): this;
  }
}
