/**
 * Is this an SVG that draws the same everywhere? Well-formed XML 1.0 with an
 * SVG 1.1 or 2 root, a size, and nothing that reaches outside of the file:
 * no scripts, no external references, no text (its fonts differ by machine).
 */
import { SaxesParser, type SaxesTagNS } from "saxes";

export type SvgReading =
  | { readonly ok: true; readonly width: number; readonly height: number }
  /** Each continues the sentence "the file …". */
  | { readonly ok: false; readonly reasons: readonly string[] };

const SVG = "http://www.w3.org/2000/svg";

/** Elements that a renderer runs, fetches for, or draws with whatever the machine has. */
const REFUSED: Readonly<Record<string, string>> = {
  script: "has a script",
  foreignObject: "has a foreignObject, which only browsers draw",
  text: "has text, which looks different on every machine; convert it to paths",
};

/** Raster pictures inside the file are fine: their bytes are part of it. */
const EMBEDDED_PICTURE = /^data:image\/(?:png|jpeg|jpg|gif|webp);base64,/i;

/** Reads an SVG to its end; all faults at once, each kind once. Sizes are in the document's own units. */
export function readSvg(text: string): SvgReading {
  const reasons = new Set<string>();
  const parser = new SaxesParser({ xmlns: true });
  let root: SaxesTagNS | undefined;
  let malformed: string | undefined;
  let styleDepth = 0;

  parser.on("error", (error) => {
    malformed ??= error.message.replace(/^undefined:/, "");
  });
  parser.on("doctype", (doctype) => {
    if (doctype.includes("[")) reasons.add("declares entities in its document type; export it as plain SVG");
  });
  parser.on("processinginstruction", ({ target }) => {
    if (target === "xml-stylesheet") reasons.add("links a style sheet");
  });
  parser.on("opentag", (tag) => {
    root ??= tag;
    for (const reason of faultsOf(tag)) reasons.add(reason);
    if (tag.local === "style") styleDepth++;
  });
  parser.on("closetag", (tag) => {
    if (tag.local === "style") styleDepth--;
  });
  const css = (content: string): void => {
    if (styleDepth > 0) for (const reason of cssFaults(content)) reasons.add(reason);
  };
  parser.on("text", css);
  parser.on("cdata", css);
  parser.write(text).close();

  if (root?.uri !== SVG || root.local !== "svg") return { ok: false, reasons: ["is not an SVG"] };
  if (malformed !== undefined) return { ok: false, reasons: [`is not well-formed XML: ${malformed}`] };
  const size = sizeOf(root);
  if (size === undefined) reasons.add("has no size; give its svg element a viewBox");
  return size === undefined || reasons.size > 0 ? { ok: false, reasons: [...reasons] } : { ok: true, ...size };
}

function faultsOf(tag: SaxesTagNS): string[] {
  const faults: string[] = [];
  const refused = tag.uri === SVG ? REFUSED[tag.local] : undefined;
  if (refused !== undefined && Object.hasOwn(REFUSED, tag.local)) faults.push(refused);
  for (const { local, prefix, value } of Object.values(tag.attributes)) {
    if (prefix === "" && /^on[a-z]/i.test(local)) faults.push(`runs a script in ${local}`);
    const target = value.trim();
    const isLinkOfAnchor = tag.local === "a";
    if (local === "href" && !isLinkOfAnchor && !target.startsWith("#") && !EMBEDDED_PICTURE.test(target)) {
      faults.push(`refers to ${shown(target)} outside of itself`);
    }
    faults.push(...cssFaults(value));
  }
  return faults;
}

function cssFaults(css: string): string[] {
  const faults = /@import|@font-face/i.test(css) ? ["imports a style sheet or a font"] : [];
  for (const [, target = ""] of css.matchAll(/url\(\s*["']?\s*([^"')]*)/gi)) {
    if (!target.startsWith("#")) faults.push(`refers to ${shown(target)} outside of itself`);
  }
  return faults;
}

/** SVG 2 §8.2: width and height where both are lengths of one unit, else the viewBox. */
function sizeOf(root: SaxesTagNS): { width: number; height: number } | undefined {
  const attribute = (name: string): string => root.attributes[name]?.value.trim() ?? "";
  const length = /^\+?(\d*\.?\d+(?:e[+-]?\d+)?)(px|pt|pc|mm|cm|in|em|ex)?$/i;
  const [, width, widthUnit = ""] = length.exec(attribute("width")) ?? [];
  const [, height, heightUnit = ""] = length.exec(attribute("height")) ?? [];
  const [, , boxWidth, boxHeight] = attribute("viewBox").split(/[\s,]+/);
  const size =
    width !== undefined && height !== undefined && widthUnit === heightUnit
      ? { width: Number(width), height: Number(height) }
      : { width: Number(boxWidth), height: Number(boxHeight) };
  const isSize = (side: number): boolean => side > 0 && side <= 1e6;
  return isSize(size.width) && isSize(size.height) ? size : undefined;
}

function shown(target: string): string {
  return JSON.stringify(target.length > 48 ? `${target.slice(0, 45)}…` : target);
}
