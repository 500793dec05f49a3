/** XML documents, written: elements over elements or over one text, indented, every value escaped. */
import { escapeXml } from "./plist.ts";

export type XmlAttributes = Readonly<Record<string, string>>;

/** An element over whole elements; none makes it empty. */
export function xmlElement(name: string, attributes: XmlAttributes, ...children: readonly string[]): string {
  const open = `<${name}${attributesText(attributes)}`;
  if (children.length === 0) return `${open}/>`;
  const lines = children.flatMap((child) => child.split("\n")).map((line) => `  ${line}\n`);
  return `${open}>\n${lines.join("")}</${name}>`;
}

/** An element over a text. */
export function xmlText(name: string, attributes: XmlAttributes, text: string): string {
  return `<${name}${attributesText(attributes)}>${escapeXml(text)}</${name}>`;
}

/** A document with this root. */
export function xmlDocument(root: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}\n`;
}

function attributesText(attributes: XmlAttributes): string {
  return Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join("");
}
