/** Format: the same tree as in the packages, in a tar, to unpack into any folder: `tar -xf … --strip-components=1 -C ~/.local`. */
import { layoutTar } from "../../formats/tar.ts";
import { totalLength, writeExtents } from "../../formats/extent.ts";
import { BSDTAR, GNU_TAR_ZSTD } from "../verify/container-reader.ts";
import { isBesideApp, linuxTree, linuxTreeReads } from "./linux-tree.ts";
import { compressionReads, packArchive, withContainer } from "./packed-archive.ts";
import type { PackageFormat } from "./package-format.ts";

export const tarZst: PackageFormat = {
  version: 1,
  reads({ config }) {
    const { compression } = config.package;
    const values = { compression, codec: compressionReads("zstd"), tree: linuxTreeReads(config) };
    return { values, files: [config.app.icon] };
  },
  async write(request) {
    const { ctx, path } = request;
    const tree = await linuxTree(request);
    const folder = folderOf(ctx.config.app);
    const entries = tree.entries.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` }));
    const tar = layoutTar([{ kind: "folder", path: folder }, ...entries], "");
    const { content, compressedBytes } = await packArchive(request, tar, "zstd");
    await writeExtents(path, content, ctx.signal);
    return {
      compressedBytes: withContainer(compressedBytes, totalLength(content)),
      containerDiskBytes: tree.extraBytes,
    };
  },
  proof: {
    readers: () => [GNU_TAR_ZSTD, BSDTAR],
    appRoot: (_app, { app }) => `${folderOf(app)}/lib/${app.slug}`,
    isExtra: (path) => isBesideApp(path.split("/").slice(1).join("/")),
  },
};

function folderOf({ slug, version }: { readonly slug: string; readonly version: string }): string {
  return `${slug}-${version}`;
}
