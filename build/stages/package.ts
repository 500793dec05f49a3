/** Stages, one for each format: the app folder, signed or not → one file for the user. */
import { join } from "node:path";
import type { FormatId } from "../plan/package-format.ts";
import { bytesByPart, readAppTree } from "./package/app-tree.ts";
import { appImage } from "./package/appimage.ts";
import { deb } from "./package/deb.ts";
import { msi } from "./package/msi.ts";
import type { PackageFormat } from "./package/package-format.ts";
import { portable } from "./package/portable.ts";
import { rpm } from "./package/rpm.ts";
import { setup } from "./package/setup.ts";
import { msixApp } from "./package/msix-app.ts";
import { pkgApp } from "./package/pkg-app.ts";
import { dmg } from "./package/dmg.ts";
import { singleFile } from "./package/single-file.ts";
import { tarZst } from "./package/tar-zst.ts";
import { zipApp } from "./package/zip-app.ts";
import { formatPlan, targetStage, type Stage } from "./stage.ts";

/** Who writes each format. */
export const WRITERS: Readonly<Record<FormatId, PackageFormat>> = {
  "single-file": singleFile, // runs where it lies
  dmg, // opened, and the app dragged over
  appimage: appImage, // runs where it lies, and shows itself to desktops
  deb, // installed by apt
  rpm, // installed by dnf and zypper
  "tar.zst": tarZst, // unpacked into any folder
  setup, // installs, upgrades and uninstalls
  msi, // the same for managed machines
  portable, // runs where it lies
  msix: msixApp, // the Store, and management tools
  pkg: pkgApp, // Installer, and management tools
  zip: zipApp, // unpacked by a double click
};

/** Packs the last state of the app into a format, on that format's lane. */
export function packageStage(lane: FormatId, writer: PackageFormat = WRITERS[lane]): Stage {
  return targetStage({
    id: `package-${lane}`,
    version: writer.version,
    scope: "target",
    lane,
    needs: ["stapled-app", "icons"],
    makes: ["installer", "companion"],
    preflight: async (ctx) => (await writer.preflight?.(ctx)) ?? [],
    async reads(ctx) {
      const { values, files } = await writer.reads(ctx);
      return { values: { fileName: formatPlan(ctx.target, lane).fileName, values }, files };
    },
    async run(ctx, { "stapled-app": app, icons }) {
      const tree = await readAppTree(app);
      const path = join(ctx.workFolder, formatPlan(ctx.target, lane).fileName);
      const made = await writer.write({ ctx, app, tree, icons, path });
      const { signedBy, signature, notarization, shell } = app.facts;
      const facts = {
        format: lane,
        signedBy,
        codeSignature: signature,
        notarization,
        shell,
        app: app.sha256,
        compressedBytes: made.compressedBytes,
        diskBytes: { ...bytesByPart(tree.slices), container: made.containerDiskBytes },
      };
      const companions = (made.companions ?? []).map(({ role, suffix }) => ({
        kind: "companion" as const,
        path: `${path}${suffix}`,
        facts: { role, format: lane, suffix },
      }));
      return [{ kind: "installer", path, facts }, ...companions];
    },
  });
}
