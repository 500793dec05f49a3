/**
 * Names and content types of parts in a package of the Open Packaging
 * Conventions (ECMA-376 part 2), as Windows' app packages use them. A name in
 * the zip is percent-encoded; the one that lists the types is not.
 */
import { xmlDocument, xmlElement } from "./xml-text.ts";

export const CONTENT_TYPES_NAME = "[Content_Types].xml";
const NAMESPACE = "http://schemas.openxmlformats.org/package/2006/content-types";

/** Types by extension; everything else is plain bytes. */
const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  dll: "application/x-msdownload",
  exe: "application/x-msdownload",
  html: "text/html",
  ico: "image/vnd.microsoft.icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "application/x-javascript",
  json: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain",
};
const PLAIN_TYPE = "application/octet-stream";

/** A path as the zip names it. UTF-8, and nothing of ASCII unencoded but what no reader takes for something else. */
export function encodePartName(path: string): string {
  return Array.from(Buffer.from(path), (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9\-._~/]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

/** The path of a name in the zip, or undefined where it is no encoded UTF-8. */
export function decodePartName(name: string): string | undefined {
  if (name === CONTENT_TYPES_NAME) return name;
  try {
    return decodeURIComponent(name);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** The document that gives every part a type: by extension, and by name where there is none or `types` says another. */
export function renderContentTypes(paths: readonly string[], types: Readonly<Record<string, string>>): string {
  const extensions = new Set<string>();
  const overrides = new Map<string, string>();
  for (const path of paths) {
    const own = types[path];
    const extension = /[^/]\.([A-Za-z0-9_-]+)$/.exec(path)?.[1]?.toLowerCase();
    if (own !== undefined) overrides.set(path, own);
    else if (extension === undefined) overrides.set(path, PLAIN_TYPE);
    else extensions.add(extension);
  }
  return xmlDocument(
    xmlElement(
      "Types",
      { xmlns: NAMESPACE },
      ...[...extensions]
        .sort()
        .map((extension) =>
          xmlElement("Default", { Extension: extension, ContentType: TYPES[extension] ?? PLAIN_TYPE }),
        ),
      ...[...overrides].map(([path, type]) => renderOverride(path, type)),
    ),
  );
}

/** The same document with the type of one more part. */
export function addContentType(document: string, path: string, type: string): string {
  const override = renderOverride(path, type);
  const end = document.lastIndexOf("</Types>");
  if (end < 0 || document.includes(override)) return document;
  return `${document.slice(0, end)}  ${override}\n${document.slice(end)}`;
}

function renderOverride(path: string, type: string): string {
  return xmlElement("Override", { PartName: `/${encodePartName(path)}`, ContentType: type });
}
