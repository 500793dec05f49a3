/** Format: an RPM package, for Fedora, openSUSE, RHEL and what is made from them. */
import { ErthError } from "../../../runtime/base/errors.ts";
import type { Compression } from "../../config/resolved-config.ts";
import type { ArchiveEntry } from "../../formats/archive-entry.ts";
import { CPIO_MAX_FILE_BYTES, layoutCpio } from "../../formats/cpio-newc.ts";
import { lengthOf, totalLength, writeExtents } from "../../formats/extent.ts";
import { layoutRpm, type RpmArch, type RpmCompression } from "../../formats/rpm.ts";
import { archOf, type TargetArch } from "../../plan/target.ts";
import { BSDTAR } from "../verify/container-reader.ts";
import { sha256OfExtents } from "./block-piece.ts";
import { describe } from "./linux-desktop.ts";
import { belowUsr, digestEntries, maintainerOf, packageVersion } from "./linux-package.ts";
import { isBesideApp, linuxTree, linuxTreeReads } from "./linux-tree.ts";
import { compressionReads, packArchive, withContainer } from "./packed-archive.ts";
import type { PackageFormat } from "./package-format.ts";
import { requirementsOf } from "./requirements.ts";

const ARCHITECTURES: Readonly<Record<TargetArch, RpmArch>> = { x64: "x86_64", arm64: "aarch64" };
const COMPRESSIONS: Readonly<Record<Compression, { readonly kind: RpmCompression; readonly level: number }>> = {
  best: { kind: "xz", level: 9 },
  fast: { kind: "zstd", level: 3 },
};
const RELEASE = "1";

export const rpm: PackageFormat = {
  version: 1,
  reads({ config, target }) {
    const { kind } = COMPRESSIONS[config.package.compression];
    const values = {
      compression: compressionReads(kind),
      requirements: requirementsOf(target.target, target.shell.kind),
    };
    return { values: { ...values, tree: linuxTreeReads(config) }, files: [config.app.icon] };
  },
  async write(request) {
    const { ctx, app, path } = request;
    const { config } = ctx;
    const { kind, level } = COMPRESSIONS[config.package.compression];
    const tree = await linuxTree(request);
    const owned = belowUsr(tree.entries).filter((entry) => isOwned(entry, config.app.slug));
    assertSizes(owned);
    const files = await digestEntries(owned, "sha256");
    const cpio = layoutCpio(owned);
    const packed = await packArchive(request, cpio, kind);
    const extents = layoutRpm({
      name: config.app.slug,
      version: packageVersion(config.app.version),
      release: RELEASE,
      arch: ARCHITECTURES[archOf(ctx.target.target)],
      summary: describe(config).synopsis,
      description: describe(config).description,
      license: config.package.linux.license,
      vendor: config.app.publisher,
      packager: maintainerOf(config),
      homepage: config.package.linux.homepage,
      // Packages are called differently everywhere; the library's own name is the same.
      requires: [
        "/bin/sh",
        ...requirementsOf(ctx.target.target, app.facts.shell).map(({ library }) => `${library}()(64bit)`),
      ],
      files: files.map(({ entry, digest }) => ({ entry, sha256: digest })),
      payload: {
        compression: kind,
        level,
        content: packed.content,
        sha256: await sha256OfExtents(packed.content),
        rawSha256: await sha256OfExtents(cpio),
        rawBytes: totalLength(cpio),
      },
    });
    await writeExtents(path, extents, ctx.signal);
    return {
      compressedBytes: withContainer(packed.compressedBytes, totalLength(extents)),
      containerDiskBytes: tree.extraBytes,
    };
  },
  proof: {
    readers: () => [BSDTAR],
    appRoot: (_app, { app }) => `usr/lib/${app.slug}`,
    isExtra: (path) => isBesideApp(path.replace(/^usr(?:\/|$)/, "")),
  },
};

/** Folders that are everybody's belong to the distribution's own package. */
function isOwned({ kind, path }: ArchiveEntry, slug: string): boolean {
  return (
    kind !== "folder" || [`usr/lib/${slug}`, `usr/share/doc/${slug}`].some((own) => `${path}/`.startsWith(`${own}/`))
  );
}

function assertSizes(entries: readonly ArchiveEntry[]): void {
  for (const entry of entries) {
    if (entry.kind !== "file" || lengthOf(entry.content) <= CPIO_MAX_FILE_BYTES) continue;
    throw new ErthError({
      code: "PACKAGE_LIMIT",
      message: `${entry.path} has ${lengthOf(entry.content)} bytes, and a file of an RPM may have ${CPIO_MAX_FILE_BYTES}.`,
      remedy: "split the file, or make another format: erth package --format tar.zst",
      facts: { path: entry.path },
    });
  }
}
