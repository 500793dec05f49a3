/**
 * The picture behind the icons: the user's, or a calm one drawn for the
 * window, with an arrow from the app to where it belongs. Light in any case:
 * over a picture the Finder writes names in black.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { basename, extname, join, dirname } from "node:path";
import { ErthError, systemCode } from "../../../../runtime/base/errors.ts";
import type { DmgConfig } from "../../../config/package/dmg.ts";
import { hasPngSignature, readPng } from "../../../formats/png.ts";
import { encodeTiff, type TiffPage } from "../../../formats/tiff.ts";
import { rendererVersion, renderIcon } from "../../icon-renderer.ts";
import type { Pieces } from "../../stage.ts";
import { windowPlaces, type Background } from "./volume.ts";

const MAX_PIXELS = 8192;
const DOTS_PER_INCH = 72;
const DENSITIES = [1, 2] as const;

/** Files that the picture is made from. */
export function backgroundFiles({ background }: DmgConfig): readonly string[] {
  if (background === undefined) return [];
  return [background, denser(background)].filter((path) => existsSync(path));
}

/** Throws `DMG_BACKGROUND` for a picture that is none. */
export async function makeBackground(window: DmgConfig, pieces: Pieces, signal: AbortSignal): Promise<Background> {
  const { background, windowSize } = window;
  if (background === undefined) {
    // Drawn once for all targets and builds: it takes a second or two.
    const svg = drawBackground(window);
    const path = await pieces.get(`dmg background ${await rendererVersion()} ${svg}`, async (temporary) => {
      await writeFile(temporary, encodeTiff(await render(svg, windowSize, DENSITIES, signal)));
    });
    return { name: "background.tiff", bytes: await readFile(path) };
  }
  const bytes = await readFile(background);
  if (!hasPngSignature(bytes)) {
    if (/^(?:II\*\0|MM\0\*)/.test(bytes.toString("latin1", 0, 4))) return { name: "background.tiff", bytes };
    throw refused(background, "is neither a PNG nor a TIFF");
  }
  const second = await readFile(denser(background)).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (second === undefined) {
    sizeOf(background, bytes);
    return { name: "background.png", bytes };
  }
  const pages = [await decode(background, bytes, 1, signal), await decode(denser(background), second, 2, signal)];
  return { name: "background.tiff", bytes: encodeTiff(pages) };
}

/** `picture@2x.png` beside `picture.png`. */
function denser(path: string): string {
  return join(dirname(path), `${basename(path, extname(path))}@2x${extname(path)}`);
}

function sizeOf(path: string, bytes: Uint8Array): { readonly width: number; readonly height: number } {
  const png = readPng(bytes, MAX_PIXELS);
  if (!png.ok) throw refused(path, png.reason);
  return png;
}

async function decode(path: string, bytes: Buffer, density: number, signal: AbortSignal): Promise<TiffPage> {
  const { width, height } = sizeOf(path, bytes);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
    `<image width="${width}" height="${height}" href="data:image/png;base64,${bytes.toString("base64")}"/></svg>`;
  const [page] = await render(svg, { width, height }, [1], signal);
  if (page === undefined) throw new Error(`${path} gave no picture`);
  return { ...page, dotsPerInch: DOTS_PER_INCH * density };
}

async function render(
  svg: string,
  { width, height }: DmgConfig["windowSize"],
  densities: readonly number[],
  signal: AbortSignal,
): Promise<readonly TiffPage[]> {
  const source = { kind: "svg", bytes: Buffer.from(svg) } as const;
  const sizes = densities.map((density) => width * density);
  const pictures = await renderIcon({ source, sizes, heightPerWidth: height / width }, { signal });
  return pictures.map(({ size, rgba }, at) => ({
    width: size,
    height: rgba.length / 4 / size,
    dotsPerInch: DOTS_PER_INCH * (densities[at] ?? 1),
    rgba,
  }));
}

/** An SVG as large as the window. */
function drawBackground(window: DmgConfig): string {
  const { width, height } = window.windowSize;
  const { app, applications } = windowPlaces(window);
  const gap = window.iconSize / 2 + 0.2 * window.iconSize;
  const [from, to] = [app.x + gap, applications.x - gap];
  const head = Math.min(14, (to - from) / 3);
  const glow = (id: string, colour: string, { x, y }: { readonly x: number; readonly y: number }): string =>
    `<radialGradient id="${id}" gradientUnits="userSpaceOnUse" cx="${x}" cy="${y}" r="${window.iconSize * 1.9}">` +
    `<stop offset="0" stop-color="${colour}" stop-opacity="0.20"/><stop offset="1" stop-color="${colour}" stop-opacity="0"/></radialGradient>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<defs>
<linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#fcfdff"/><stop offset="1" stop-color="#e8edf6"/></linearGradient>
<linearGradient id="way" gradientUnits="userSpaceOnUse" x1="${from}" y1="0" x2="${to}" y2="0"><stop offset="0" stop-color="#7b86a3" stop-opacity="0.15"/><stop offset="1" stop-color="#5f6b8c" stop-opacity="0.9"/></linearGradient>
${glow("left", "#7aa2ff", app)}
${glow("right", "#8fd6c4", applications)}
</defs>
<rect width="${width}" height="${height}" fill="url(#sky)"/>
<rect width="${width}" height="${height}" fill="url(#left)"/>
<rect width="${width}" height="${height}" fill="url(#right)"/>
<g fill="none" stroke="url(#way)" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round">
<path d="M${from} ${app.y + 0.01}L${to} ${app.y}"/>
<path d="M${to - head} ${app.y - head}L${to} ${app.y}L${to - head} ${app.y + head}"/>
</g>
</svg>`;
}

function refused(path: string, reason: string): ErthError {
  return new ErthError({
    code: "DMG_BACKGROUND",
    message: `The background ${path} ${reason}.`,
    remedy: "export it as a PNG, or leave package.dmg.background out for the one that comes with erth",
  });
}
