/** The thread in which `icon-renderer.ts` runs resvg. Data: a `RenderRequest`; message: a `RenderAnswer`. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import { messageOf } from "../../runtime/base/errors.ts";
import type { Picture } from "../formats/picture.ts";
import type { RenderAnswer, RenderRequest } from "./icon-renderer.ts";

// The one sender is `renderIcon`.
const request = workerData as RenderRequest;
parentPort?.postMessage(await answer(request));

async function answer({ source, sizes, heightPerWidth = 1 }: RenderRequest): Promise<RenderAnswer> {
  try {
    await initWasm(await readFile(createRequire(import.meta.url).resolve("@resvg/resvg-wasm/index_bg.wasm")));
    if (source.kind === "svg") {
      const text = new TextDecoder().decode(source.bytes);
      return { pictures: sizes.map((size) => render(text, size, Math.round(size * heightPerWidth))) };
    }
    const scale = scaler(source.bytes, source.size);
    return { pictures: sizes.map(scale) };
  } catch (error) {
    return { failure: messageOf(error) };
  }
}

/**
 * Pictures of one PNG. resvg samples a fixed neighbourhood of pixels, which
 * leaves gaps in large steps: so never more than half a step at a time.
 */
function scaler(png: Uint8Array, size: number): (target: number) => Picture {
  const halves = [{ png, size }];
  return (target) => {
    let from = halves.at(-1) ?? { png, size };
    while (from.size >= target * 2) {
      const half = Math.ceil(from.size / 2);
      from = render(imageOf(from.png, half), half);
      halves.push(from);
    }
    const source = halves.findLast((half) => half.size >= target) ?? { png, size };
    return render(imageOf(source.png, target), target);
  };
}

function imageOf(png: Uint8Array, size: number): string {
  const data = Buffer.from(png).toString("base64");
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}">` +
    `<image width="${size}" height="${size}" preserveAspectRatio="none" href="data:image/png;base64,${data}"/></svg>`
  );
}

function render(svg: string, size: number, height = size): Picture {
  const resvg = new Resvg(svg, { fitTo: { mode: "width", value: size }, font: { loadSystemFonts: false } });
  const image = resvg.render();
  try {
    if (image.width !== size || image.height !== height)
      throw new Error(`it comes out as ${image.width} x ${image.height}`);
    return { size, png: image.asPng(), rgba: straight(image.pixels) };
  } finally {
    image.free();
    resvg.free();
  }
}

/** resvg's pixels carry colours multiplied by alpha; containers want them as they are. */
function straight(premultiplied: Uint8Array): Uint8Array {
  const rgba = Uint8Array.from(premultiplied);
  for (let at = 0; at < rgba.length; at += 4) {
    const alpha = rgba[at + 3] ?? 0;
    if (alpha === 0 || alpha === 255) continue;
    for (let channel = at; channel < at + 3; channel++) {
      rgba[channel] = Math.min(255, Math.round(((rgba[channel] ?? 0) * 255) / alpha));
    }
  }
  return rgba;
}
