/**
 * XML property lists byte for byte as CoreFoundation writes them: tabs, sorted
 * keys, data on lines of its own. `codesign` writes `CodeResources` and the
 * cdhash list so; `build/formats/plist.ts` serves what nobody compares.
 */

/** Numbers are reals. */
export type CfPlist = string | number | boolean | Uint8Array | readonly CfPlist[] | ReadonlyMap<string, CfPlist>;

const HEADER =
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n';
/** A data line's width, of which the indent takes eight for each tab. */
const DATA_LINE_WIDTH = 76;
const TAB_WIDTH = 8;

/** The bytes of a property list. */
export function encodeCfPlist(value: CfPlist): Uint8Array {
  const lines: string[] = [];
  render(value, 0, lines);
  return Buffer.from(`${HEADER}<plist version="1.0">\n${lines.join("\n")}\n</plist>\n`);
}

function render(value: CfPlist, depth: number, lines: string[]): void {
  const indent = "\t".repeat(depth);
  if (typeof value === "string") lines.push(`${indent}<string>${escapeText(value)}</string>`);
  else if (typeof value === "number") lines.push(`${indent}<real>${value}</real>`);
  else if (typeof value === "boolean") lines.push(`${indent}<${value}/>`);
  else if (value instanceof Uint8Array) {
    const base64 = Buffer.from(value).toString("base64");
    const width = DATA_LINE_WIDTH - TAB_WIDTH * Math.min(depth, 8);
    lines.push(`${indent}<data>`);
    for (let at = 0; at < base64.length; at += width) lines.push(indent + base64.slice(at, at + width));
    lines.push(`${indent}</data>`);
  } else if (isMap(value)) {
    if (value.size === 0) lines.push(`${indent}<dict/>`);
    else {
      lines.push(`${indent}<dict>`);
      for (const [key, member] of sortedEntries(value)) {
        lines.push(`${indent}\t<key>${escapeText(key)}</key>`);
        render(member, depth + 1, lines);
      }
      lines.push(`${indent}</dict>`);
    }
  } else if (value.length === 0) lines.push(`${indent}<array/>`);
  else {
    lines.push(`${indent}<array>`);
    for (const member of value) render(member, depth + 1, lines);
    lines.push(`${indent}</array>`);
  }
}

function isMap(value: readonly CfPlist[] | ReadonlyMap<string, CfPlist>): value is ReadonlyMap<string, CfPlist> {
  return value instanceof Map;
}

/** By their UTF-8 bytes. */
function sortedEntries(map: ReadonlyMap<string, CfPlist>): readonly (readonly [string, CfPlist])[] {
  return Array.from(map, ([key, value]) => ({ key, value, bytes: Buffer.from(key) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ key, value }) => [key, value]);
}

/** CoreFoundation leaves quotes alone. */
function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
