/** Format: the app folder in a `.zip`, under the name it has at the user's. */
import { open } from "node:fs/promises";
import { writeZipFile } from "../../formats/zip-file.ts";
import { fileSink } from "../../formats/sink.ts";
import { UNZIP, sevenZip } from "../verify/container-reader.ts";
import { DEFLATE_LEVEL } from "./compression.ts";
import { keptDeflate } from "./deflate-piece.ts";
import type { PackageFormat } from "./package-format.ts";
import { assertLinksInside } from "./packable.ts";
import { packedApp } from "./packed-tree.ts";
import { partLedger } from "./part-ledger.ts";

export const zipApp: PackageFormat = {
  version: 2,
  reads(ctx) {
    return { values: { compression: ctx.config.package.compression, zlib: process.versions.zlib }, files: [] };
  },
  async write({ ctx, app, tree, path }) {
    assertLinksInside(tree);
    const { bundleName } = app.facts;
    const ledger = partLedger(tree);
    let done = 0;
    const file = await open(path, "wx");
    try {
      const sink = fileSink(file);
      await writeZipFile(sink, packedApp(tree, bundleName), {
        deflate: keptDeflate(ctx.pieces, DEFLATE_LEVEL[ctx.config.package.compression]),
        signal: ctx.signal,
        onPacked: ({ name, offset, bytes, compressedBytes }) => {
          ledger.book(name.slice(bundleName.length + 1), offset, bytes, compressedBytes);
          done += bytes;
          ctx.progress({ label: "compressing", done, total: tree.fileBytes, unit: "bytes" });
        },
      });
      await file.sync();
      return { compressedBytes: ledger.close(sink.offset), containerDiskBytes: 0 };
    } finally {
      await file.close();
    }
  },
  proof: {
    readers: () => [UNZIP, sevenZip({ modes: true, links: true })],
    appRoot: ({ bundleName }) => bundleName,
  },
};
