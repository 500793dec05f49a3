/** The app's icon as the user gives it: read, and checked far enough that rendering it cannot surprise. */
import { readFile } from "node:fs/promises";
import { messageOf, type Problem } from "../../runtime/base/errors.ts";
import { displayPath } from "../config/config-problem.ts";
import { formatSize } from "../config/size.ts";
import { hasPngSignature, readPng } from "../formats/png.ts";
import { readSvg } from "../formats/svg.ts";

export type IconSource =
  | { readonly kind: "svg"; readonly bytes: Uint8Array }
  /** `size`: pixels a side. */
  | { readonly kind: "png"; readonly bytes: Uint8Array; readonly size: number };

export type IconReading = { readonly source: IconSource } | { readonly problems: readonly Problem[] };

const MIN_PIXELS = 512;
const MAX_PIXELS = 4096;
const MAX_BYTES = 32_000_000;

/** A problem with the icon; `reason` continues "the icon <path> …". */
export function iconProblem(path: string, reason: string, remedy: string): Problem {
  return { code: "ICON_INVALID", message: `The icon ${displayPath(path)} ${reason}.`, remedy };
}

/** Reads and checks the icon. Everything wrong with it is a `Problem` (`ICON_INVALID`); nothing is thrown. */
export async function readIconSource(path: string): Promise<IconReading> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    return refuse(path, `cannot be read: ${messageOf(error)}`, "set app.icon to a PNG or an SVG");
  }
  if (bytes.length > MAX_BYTES) {
    return refuse(path, `has ${formatSize(bytes.length)}`, `export it below ${formatSize(MAX_BYTES)}`);
  }
  return hasPngSignature(bytes) ? readPngSource(path, bytes) : readSvgSource(path, bytes);
}

function readPngSource(path: string, bytes: Uint8Array): IconReading {
  const png = readPng(bytes, MAX_PIXELS);
  if (!png.ok) return refuse(path, png.reason, "export it again as a square PNG of 1024 pixels");
  const { width, height } = png;
  if (width !== height) {
    return refuse(path, `is ${width} x ${height}, and must be square`, "add transparent space until it is square");
  }
  if (width < MIN_PIXELS) {
    return refuse(
      path,
      `is ${width} x ${height}, less than ${MIN_PIXELS} pixels a side`,
      "export it with 1024 pixels, or use an SVG",
    );
  }
  return { source: { kind: "png", bytes, size: width } };
}

function readSvgSource(path: string, bytes: Uint8Array): IconReading {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse(path, "is neither a PNG nor an SVG in UTF-8", "set app.icon to a PNG or an SVG");
  }
  const svg = readSvg(text);
  if (!svg.ok) {
    const isOther = svg.reasons.includes("is not an SVG");
    return isOther
      ? refuse(path, "is neither a PNG nor an SVG", "set app.icon to a PNG or an SVG")
      : {
          problems: svg.reasons.map((reason) =>
            iconProblem(path, reason, "export it as a plain SVG, text as paths, pictures embedded"),
          ),
        };
  }
  const { width, height } = svg;
  // Exporters round physical units: 135.4667 mm by 135.46667 mm is square.
  if (Math.abs(width - height) > Math.max(width, height) * 1e-5) {
    return refuse(path, `is ${width} x ${height}, and must be square`, "make its width, height and viewBox square");
  }
  return { source: { kind: "svg", bytes } };
}

function refuse(path: string, reason: string, remedy: string): IconReading {
  return { problems: [iconProblem(path, reason, remedy)] };
}
