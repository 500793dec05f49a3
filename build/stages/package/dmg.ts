/** Format: a disk image with the app, a link to drag it to, and a window that shows both. */
import { readFile } from "node:fs/promises";
import { ErthError, messageOf, type Problem } from "../../../runtime/base/errors.ts";
import type { DmgConfig } from "../../config/package/dmg.ts";
import { licenseResources } from "../../formats/udif-license.ts";
import type { UdifResource } from "../../formats/udif.ts";
import { packageVersion } from "../../tools/package-version.ts";
import { sevenZip } from "../verify/container-reader.ts";
import { DMG_READER } from "../verify/dmg-reader.ts";
import type { TargetContext } from "../stage.ts";
import { backgroundFiles, makeBackground } from "./dmg/background.ts";
import { codecVersion, type RunCodec } from "./dmg/run-piece.ts";
import { hdiutilProblems, writeWithHdiutil } from "./dmg/hdiutil.ts";
import { composeVolume, OTHER_NAMES, volumeNameOf, windowPlaces } from "./dmg/volume.ts";
import { writeImage } from "./dmg/write-image.ts";
import type { PackageFormat } from "./package-format.ts";

export const dmg: PackageFormat = {
  version: 1,
  async preflight({ config }) {
    const window = config.package.dmg;
    return [...windowProblems(window), ...(window.tool === "hdiutil" ? await hdiutilProblems() : [])];
  },
  reads(ctx) {
    const { dmg: window } = ctx.config.package;
    const { license, background: _, ...values } = window;
    const renderer = packageVersion("@resvg/resvg-wasm");
    const files = [...backgroundFiles(window), ...(license === undefined ? [] : [license])];
    return { values: { ...values, codec: codecVersion(codecOf(ctx)), renderer }, files };
  },
  async write({ ctx, app, tree, path }) {
    const { dmg: window } = ctx.config.package;
    const background = await makeBackground(window, ctx.pieces, ctx.signal);
    const volume = composeVolume({ bundleName: app.facts.bundleName, tree, window, background });
    const codec = codecOf(ctx);
    const compressedBytes =
      window.tool === "hdiutil"
        ? await writeWithHdiutil({ ctx, volume, tree, format: codec.method === "lzma" ? "ULMO" : "UDZO", path })
        : await writeImage({ ctx, volume, codec, resources: await readLicense(window.license), path });
    return { compressedBytes, containerDiskBytes: 0 };
  },
  proof: {
    readers: () => [sevenZip({ modes: true, links: true }), DMG_READER],
    decomposesNames: true,
    appRoot: ({ bundleName }) => `${volumeNameOf(bundleName)}/${bundleName}`,
    isExtra: (path) => OTHER_NAMES.includes(path.split("/")[1] ?? ""),
  },
};

function codecOf({ config }: TargetContext): RunCodec {
  const { compression, dmg: window } = config.package;
  if (compression === "fast") return { method: "zlib", level: 1 };
  return window.compression === "lzma" ? { method: "lzma" } : { method: "zlib", level: 9 };
}

function windowProblems(window: DmgConfig): readonly Problem[] {
  try {
    windowPlaces(window);
    return [];
  } catch (error) {
    if (error instanceof ErthError) return [error];
    throw error;
  }
}

async function readLicense(path: string | undefined): Promise<readonly UdifResource[]> {
  if (path === undefined) return [];
  const bytes = await readFile(path);
  try {
    return licenseResources(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ErthError({
      code: "DMG_LICENSE",
      message: `The licence ${path} is neither RTF nor text in UTF-8: ${messageOf(cause)}.`,
      remedy: "save it as UTF-8, then erth package",
      cause,
    });
  }
}
