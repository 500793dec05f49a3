/** Stage: the app's one picture → `icon.icns`, `icon.ico` and a set of PNGs. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ProblemsError } from "../../runtime/base/errors.ts";
import { encodeIcns, ICNS_SIZES } from "../formats/icns.ts";
import { encodeIco, ICO_SIZES } from "../formats/ico.ts";
import type { Picture } from "../formats/picture.ts";
import { rendererVersion, renderIcon } from "./icon-renderer.ts";
import { iconProblem, readIconSource, type IconSource } from "./icon-source.ts";
import { appStage, type Stage } from "./stage.ts";

/** The sizes of the hicolor icon theme that desktops ask for. */
const PNG_SIZES: readonly number[] = [16, 32, 48, 64, 128, 256, 512];

/** What an app package's manifest asks for, in pixels. */
export const MSIX_LOGO_SIZES = { small: 44, store: 50, medium: 150 } as const;

export const icons: Stage = appStage<never, "icons">({
  id: "icons",
  version: 1,
  scope: "app",
  needs: [],
  makes: ["icons"],

  async preflight({ config }) {
    const reading = await readIconSource(config.app.icon);
    return "problems" in reading ? reading.problems : [];
  },

  async reads({ config }) {
    return {
      values: { renderer: await rendererVersion(), PNG_SIZES, MSIX_LOGO_SIZES, ICO_SIZES, ICNS_SIZES },
      files: [config.app.icon],
    };
  },

  async run({ config, workFolder, signal }) {
    const reading = await readIconSource(config.app.icon);
    if ("problems" in reading) throw new ProblemsError(reading.problems);
    const sizes = sizesFor(reading.source);
    const pictures = await renderIcon({ source: reading.source, sizes }, { signal });
    if (pictures.every(isInvisible)) {
      const problem = iconProblem(config.app.icon, "shows nothing: every pixel is transparent", "draw something in it");
      throw new ProblemsError([problem]);
    }
    const folder = join(workFolder, "icons");
    await mkdir(folder, { recursive: true });
    for (const { size, png } of only(pictures, [...PNG_SIZES, ...Object.values(MSIX_LOGO_SIZES)]))
      await writeFile(join(folder, `icon-${size}.png`), png);
    await writeFile(join(folder, "icon.ico"), encodeIco(only(pictures, ICO_SIZES)));
    await writeFile(join(folder, "icon.icns"), encodeIcns(only(pictures, ICNS_SIZES)));
    return [{ kind: "icons", path: folder, facts: { sizes: PNG_SIZES } }];
  },
});

/** Every size that a container needs, large ones first; a PNG is never enlarged. */
function sizesFor(source: IconSource): readonly number[] {
  const all = [...new Set([...PNG_SIZES, ...Object.values(MSIX_LOGO_SIZES), ...ICO_SIZES, ...ICNS_SIZES])].sort(
    (a, b) => b - a,
  );
  return source.kind === "svg" ? all : all.filter((size) => size <= source.size);
}

function only(pictures: readonly Picture[], sizes: readonly number[]): readonly Picture[] {
  return sizes.flatMap((size) => pictures.filter((picture) => picture.size === size));
}

function isInvisible({ rgba }: Picture): boolean {
  return rgba.every((value, index) => index % 4 !== 3 || value === 0);
}
