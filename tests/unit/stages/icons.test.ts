import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { renderIcon, rendererVersion } from "../../../build/stages/icon-renderer.ts";
import { ProblemsError } from "../../../runtime/base/errors.ts";
import { temporaryFolder } from "../config/temporary.ts";
import { readIcns, readIco } from "../formats/icon-readers.ts";
import { iconFixture, iconProblems, makeIcons } from "./made-icons.ts";

const PNGS = [16, 32, 48, 64, 128, 256, 512];

function filesOf(folder: string): Record<string, Buffer> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name))]),
  );
}

function written(bytes: string | Uint8Array): string {
  return join(temporaryFolder({ icon: bytes }), "icon");
}

function widthOf(png: Uint8Array): [number, number] {
  const view = new DataView(png.buffer, png.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}

test("a drawing becomes a whole set, and the same bytes again", async () => {
  const first = await makeIcons(iconFixture("drawing.svg"));
  const files = filesOf(first.folder);
  expect(first.sizes).toEqual(PNGS);
  expect(Object.keys(files)).toEqual(
    [...[...PNGS, 44, 50, 150].map((size) => `icon-${size}.png`), "icon.icns", "icon.ico"].sort(),
  );
  for (const size of PNGS) expect(widthOf(files[`icon-${size}.png`]!)).toEqual([size, size]);
  expect(readIco(files["icon.ico"]!).map(({ width }) => width)).toEqual([16, 20, 24, 32, 40, 48, 64, 256]);
  expect(readIcns(files["icon.icns"]!).map(({ type }) => type)).toContain("ic10");
  expect(filesOf((await makeIcons(iconFixture("drawing.svg"))).folder)).toEqual(files);
});

test("a PNG is never enlarged: 512 pixels give no ic10", async () => {
  const files = filesOf((await makeIcons(iconFixture("rgba8.png"))).folder);
  const types = readIcns(files["icon.icns"]!).map(({ type }) => type);
  expect(types).toEqual(["ic04", "ic11", "ic05", "ic12", "ic07", "ic13", "ic08", "ic14", "ic09"]);
});

const WHITE = 255;
test.each([
  [
    "rgba8.png",
    [
      [255, 0, 0, 255],
      [0, 255, 0, 255],
      [0, 0, 255, 255],
      [WHITE, WHITE, WHITE, 128],
    ],
  ],
  [
    "rgba8-interlaced.png",
    [
      [255, 0, 0, 255],
      [0, 255, 0, 255],
      [0, 0, 255, 255],
      [WHITE, WHITE, WHITE, 128],
    ],
  ],
  [
    "rgba16.png",
    [
      [255, 0, 0, 255],
      [0, 255, 0, 255],
      [0, 0, 255, 255],
      [WHITE, WHITE, WHITE, 128],
    ],
  ],
  [
    "palette.png",
    [
      [255, 0, 0, 255],
      [0, 255, 0, 255],
      [0, 0, 255, 255],
      [WHITE, WHITE, WHITE, 128],
    ],
  ],
  ["rgb8.png", Array.from({ length: 4 }, () => [0x33, 0x66, 0xcc, 255])],
] as const)("%s keeps its colours and its alpha, down to 16 pixels", async (name, quadrants) => {
  const source = { kind: "png", bytes: readFileSync(iconFixture(name)), size: 512 } as const;
  for (const { size, rgba } of await renderIcon({ source, sizes: [512, 48, 16] })) {
    const at = (x: number, y: number) => [...rgba.subarray((y * size + x) * 4, (y * size + x) * 4 + 4)];
    const [near, far] = [size / 4, (size * 3) / 4];
    const seen = [at(near, near), at(far, near), at(near, far), at(far, far)];
    for (const [index, quadrant] of quadrants.entries()) {
      for (const [channel, value] of quadrant.entries()) {
        expect(Math.abs((seen[index]?.[channel] ?? -9) - value), `${name} at ${size}`).toBeLessThanOrEqual(2);
      }
    }
  }
});

test("fine lines do not vanish when a PNG becomes small", async () => {
  const lines = Array.from({ length: 64 }, (_, i) => `<path d="M0 ${i * 16 + 1}h1024v2h-1024z"/>`).join("");
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1024 1024">${lines}</svg>`;
  const [large] = await renderIcon({ source: { kind: "svg", bytes: Buffer.from(svg) }, sizes: [1024] });
  const [small] = await renderIcon({ source: { kind: "png", bytes: large!.png, size: 1024 }, sizes: [16] });
  // An eighth of every pixel is black.
  const alphas = small!.rgba.filter((_, at) => at % 4 === 3);
  expect(alphas.every((alpha) => Math.abs(alpha - 32) <= 8)).toBe(true);
});

test.each([
  ["small.png", /is 511 x 511, less than 512 pixels/],
  ["wide.png", /is 600 x 512, and must be square/],
  ["no-such.png", /cannot be read: ENOENT/],
])("%s is refused before anything is built", async (name, message) => {
  expect(await iconProblems(iconFixture(name))).toEqual([
    { code: "ICON_INVALID", message: expect.stringMatching(message), remedy: expect.stringMatching(/\w/) },
  ]);
});

test.each([
  ["nothing", "", /neither a PNG nor an SVG/],
  ["a JPEG", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16), /neither a PNG nor an SVG/],
  ["a web page", "<!doctype html><p>", /neither a PNG nor an SVG/],
  [
    "a drawing that is not square",
    '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"/>',
    /is 2 x 1, and must be square/,
  ],
  [
    "a drawing with a script",
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script/></svg>',
    /has a script/,
  ],
  ["a cut PNG", readFileSync(iconFixture("rgb8.png")).subarray(0, -20), /ends (inside a chunk|before)/],
])("%s is refused before anything is built", async (_, bytes, message) => {
  const problems = await iconProblems(written(bytes));
  expect(problems.map(({ message }) => message)).toEqual([expect.stringMatching(message)]);
});

test("preflight finds nothing in a good icon", async () => {
  expect(await iconProblems(iconFixture("drawing.svg"))).toEqual([]);
  expect(await iconProblems(iconFixture("rgba8.png"))).toEqual([]);
});

test.each([
  ["a transparent PNG", iconFixture("empty.png")],
  [
    "a drawing that is cut away",
    written('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect x="20" width="5" height="5"/></svg>'),
  ],
])("%s shows nothing, and is refused", async (_, path) => {
  const error: unknown = await makeIcons(path).catch((thrown: unknown) => thrown);
  if (!(error instanceof ProblemsError)) throw error;
  expect(error.message).toContain("shows nothing");
});

test("a drawing that the renderer refuses, crashes on or never finishes is an error with a way out", async () => {
  const nested = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">${"<g>".repeat(50_000)}${"</g>".repeat(50_000)}</svg>`;
  const render = (svg: string, timeoutMs?: number) =>
    renderIcon(
      { source: { kind: "svg", bytes: Buffer.from(svg) }, sizes: [512] },
      timeoutMs === undefined ? {} : { timeoutMs },
    );
  await expect(render(nested)).rejects.toMatchObject({ code: "ICON_RENDER" });
  await expect(render("<svg")).rejects.toMatchObject({ code: "ICON_RENDER" });
  const drawing = readFileSync(iconFixture("drawing.svg"), "utf8");
  await expect(render(drawing, 1)).rejects.toMatchObject({
    message: expect.stringContaining("took longer than 0.001 s"),
  });
});

test("stopping the release stops the renderer", async () => {
  const source = { kind: "svg", bytes: readFileSync(iconFixture("drawing.svg")) } as const;
  const stop = new AbortController();
  const pictures = renderIcon({ source, sizes: [1024] }, { signal: stop.signal });
  stop.abort(new Error("stopped"));
  await expect(pictures).rejects.toThrow("stopped");
});

test("the renderer's version is part of the cache key", async () => {
  expect(await rendererVersion()).toMatch(/^@resvg\/resvg-wasm \d+\.\d+\.\d+$/);
});
