/**
 * XML property lists, as Apple's PropertyList-1.0 DTD has them: the part of it
 * that an `Info.plist`, entitlements or a disk image need.
 */

export type PlistValue =
  | string
  | number
  | boolean
  | Uint8Array
  | readonly PlistValue[]
  | { readonly [key: string]: PlistValue };

const HEADER =
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n';

/** The text of a property list; keys keep the order of the object. Numbers are integers. */
export function renderPlist(value: PlistValue): string {
  return `${HEADER}<plist version="1.0">\n${render(value, "")}\n</plist>\n`;
}

/** Text for an XML element: the five entities, and without the control characters that XML 1.0 cannot hold. */
export function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
  };
  return Array.from(text)
    .filter((character) => !isForbidden(character.codePointAt(0) ?? 0))
    .map((character) => entities[character] ?? character)
    .join("");
}

/** XML 1.0 §2.2: everything outside `Char`. */
function isForbidden(codePoint: number): boolean {
  if (codePoint < 0x20) return codePoint !== 0x09 && codePoint !== 0x0a && codePoint !== 0x0d;
  return (codePoint >= 0xd800 && codePoint <= 0xdfff) || codePoint === 0xfffe || codePoint === 0xffff;
}

function render(value: PlistValue, indent: string): string {
  if (typeof value === "string") return `${indent}<string>${escapeXml(value)}</string>`;
  if (typeof value === "boolean") return `${indent}<${value}/>`;
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new TypeError(`a property list holds integers, not ${value}`);
    return `${indent}<integer>${value}</integer>`;
  }
  if (value instanceof Uint8Array) return `${indent}<data>\n${renderBase64(value, indent)}${indent}</data>`;
  const deeper = `${indent}\t`;
  if (isList(value)) {
    if (value.length === 0) return `${indent}<array/>`;
    return `${indent}<array>\n${value.map((item) => render(item, deeper)).join("\n")}\n${indent}</array>`;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return `${indent}<dict/>`;
  const lines = entries.map(([key, item]) => `${deeper}<key>${escapeXml(key)}</key>\n${render(item, deeper)}`);
  return `${indent}<dict>\n${lines.join("\n")}\n${indent}</dict>`;
}

/** Lines of 52 characters, as Apple breaks them at this depth. */
function renderBase64(bytes: Uint8Array, indent: string): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,52}/g) ?? [];
  return lines.map((line) => `${indent}${line}\n`).join("");
}

function isList(value: PlistValue): value is readonly PlistValue[] {
  return Array.isArray(value);
}
