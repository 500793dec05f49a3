/** Format: a Debian package, for Debian, Ubuntu and what is made from them. */
import type { Compression } from "../../config/resolved-config.ts";
import { layoutDeb, type DebArch } from "../../formats/deb.ts";
import { totalLength, writeExtents } from "../../formats/extent.ts";
import { layoutTar } from "../../formats/tar.ts";
import { archOf, type TargetArch } from "../../plan/target.ts";
import { DPKG_DEB } from "../verify/container-reader.ts";
import { describe } from "./linux-desktop.ts";
import { belowUsr, digestEntries, maintainerOf, packageVersion } from "./linux-package.ts";
import { isBesideApp, linuxTree, linuxTreeReads } from "./linux-tree.ts";
import { compressionReads, packArchive, withContainer, type ArchiveCompression } from "./packed-archive.ts";
import type { PackageFormat } from "./package-format.ts";
import { requirementsOf } from "./requirements.ts";

const ARCHITECTURES: Readonly<Record<TargetArch, DebArch>> = { x64: "amd64", arm64: "arm64" };
/** dpkg reads one zstd frame and says nothing of a second; xz it reads to the end. */
const COMPRESSIONS: Readonly<Record<Compression, ArchiveCompression>> = { best: "xz", fast: "zstd-one-frame" };

export const deb: PackageFormat = {
  version: 1,
  reads({ config, target }) {
    const compression = COMPRESSIONS[config.package.compression];
    const values = {
      compression: compressionReads(compression),
      requirements: requirementsOf(target.target, target.shell.kind),
    };
    return { values: { ...values, tree: linuxTreeReads(config) }, files: [config.app.icon] };
  },
  async write(request) {
    const { ctx, app, path } = request;
    const { config } = ctx;
    const compression = COMPRESSIONS[config.package.compression];
    const { synopsis, description } = describe(config);
    const tree = await linuxTree(request);
    const files = await digestEntries(belowUsr(tree.entries), "md5");
    const packed = await packArchive(
      request,
      layoutTar(
        files.map(({ entry }) => entry),
        "./",
      ),
      compression,
    );
    const extents = layoutDeb({
      name: config.app.slug,
      version: packageVersion(config.app.version),
      arch: ARCHITECTURES[archOf(ctx.target.target)],
      maintainer: maintainerOf(config),
      depends: requirementsOf(ctx.target.target, app.facts.shell)
        .map(({ packages }) => packages["debian"] ?? "")
        .filter(Boolean),
      section: config.package.linux.section,
      homepage: config.package.linux.homepage,
      synopsis,
      // Debian's tools call a description that only repeats the synopsis a mistake.
      description: `${config.app.name}: ${description}`,
      files: files.map(({ entry, digest }) => ({ entry, md5: digest })),
      data: { compression: compression === "xz" ? "xz" : "zst", content: packed.content },
    });
    await writeExtents(path, extents, ctx.signal);
    return {
      compressedBytes: withContainer(packed.compressedBytes, totalLength(extents)),
      containerDiskBytes: tree.extraBytes,
    };
  },
  proof: {
    readers: () => [DPKG_DEB],
    appRoot: (_app, { app }) => `usr/lib/${app.slug}`,
    isExtra: (path) => isBesideApp(path.replace(/^usr(?:\/|$)/, "")),
  },
};
