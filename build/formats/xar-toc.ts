/**
 * The table of contents of a XAR archive: XML with a checksum, maybe
 * signatures, and files. Kept as a tree, so that what is not understood here
 * (Apple's tools add elements freely) passes through unchanged.
 */
import { SaxesParser } from "saxes";
import { escapeXml } from "./plist.ts";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (XmlElement | string)[];
}

/** A place in the heap. */
export interface HeapPlace {
  readonly offset: number;
  readonly length: number;
}

export interface XarSignatureElement {
  readonly style: string;
  readonly offset: number;
  readonly size: number;
  /** DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
}

/** A file of the archive, or a folder of it. */
export interface XarFile {
  /** From the archive's root, "/" separated. */
  readonly path: string;
  /** Undefined for a folder, and for a file without content. */
  readonly data: XarData | undefined;
}

export interface XarData extends HeapPlace {
  /** Of what it unpacks to. */
  readonly size: number;
  /** `application/octet-stream` stored, `application/x-gzip` a zlib stream. */
  readonly encoding: string;
  /** Of what is stored, and of what it unpacks to. */
  readonly archived: XarDigest;
  readonly extracted: XarDigest;
}

export interface XarDigest {
  /** `sha1`, `sha256`. */
  readonly style: string;
  readonly hex: string;
}

export interface XarToc {
  /** The `xar` element. */
  readonly root: XmlElement;
  readonly checksum: { readonly style: string; readonly offset: number; readonly size: number };
  /** `signature` (RSA) and `x-signature` (CMS), whichever are there. */
  readonly signatures: readonly XarSignatureElement[];
  /** Every file's data and extended attributes. */
  readonly data: readonly HeapPlace[];
  readonly files: readonly XarFile[];
}

const MAX_DEPTH = 200;
const SIGNATURE_NAMES: readonly string[] = ["signature", "x-signature"];
/** Elements whose `offset` and `length` are places in the heap. */
const DATA_NAMES: readonly string[] = ["data", "ea"];

/** Parses the XML. Throws `XAR_TOC`. */
export function parseXarToc(xml: string): XarToc {
  const root = parseXml(xml);
  const toc = root.name === "xar" ? childNamed(root, "toc") : undefined;
  if (toc === undefined) throw badToc("it has no <toc> in <xar>");
  const checksum = childNamed(toc, "checksum");
  if (checksum === undefined) throw badToc("it has no <checksum>");
  const data: HeapPlace[] = [];
  for (const element of elements(toc)) {
    if (!DATA_NAMES.includes(element.name) || childNamed(element, "offset") === undefined) continue;
    data.push({ offset: numberIn(element, "offset"), length: numberIn(element, "length") });
  }
  return {
    root,
    checksum: {
      style: (checksum.attributes["style"] ?? "").toLowerCase(),
      offset: numberIn(checksum, "offset"),
      size: numberIn(checksum, "size"),
    },
    signatures: toc.children.filter(isElement).filter(isSignature).map(parseSignature),
    data,
    files: filesIn(toc, ""),
  };
}

function filesIn(element: XmlElement, folder: string): readonly XarFile[] {
  return element.children.filter(isElement).flatMap((child) => {
    if (child.name !== "file") return [];
    const path = `${folder}${nameOf(child)}`;
    const data = childNamed(child, "data");
    return [{ path, data: data && parseData(data) }, ...filesIn(child, `${path}/`)];
  });
}

/** A name in UTF-8, or in base64 where xar was not sure that it is. */
function nameOf(file: XmlElement): string {
  const name = childNamed(file, "name");
  if (name === undefined) throw badToc("a file has no <name>");
  const text = textOf(name);
  const decoded = name.attributes["enctype"] === "base64" ? Buffer.from(text, "base64").toString("utf8") : text;
  if (decoded === "" || decoded === "." || decoded === ".." || /[/\0\ufffd]/.test(decoded))
    throw badToc(`a file's name is ${JSON.stringify(decoded)}`);
  return decoded;
}

function parseData(data: XmlElement): XarData {
  const digest = (name: string): XarDigest => {
    const element = childNamed(data, name);
    return { style: (element?.attributes["style"] ?? "").toLowerCase(), hex: element ? textOf(element).trim() : "" };
  };
  return {
    offset: numberIn(data, "offset"),
    length: numberIn(data, "length"),
    size: numberIn(data, "size"),
    encoding: childNamed(data, "encoding")?.attributes["style"] ?? "",
    archived: digest("archived-checksum"),
    extracted: digest("extracted-checksum"),
  };
}

export interface SignedTocFacts {
  readonly checksum: { readonly style: string; readonly size: number };
  /** In the heap's order, right after the checksum; each with the element's name. */
  readonly signatures: readonly { readonly name: string; readonly style: string; readonly size: number }[];
  readonly certificates: readonly Uint8Array[];
  /** Added to the offset of every file's data. */
  readonly shiftBytes: number;
}

/** The XML with these signatures in place of any others. */
export function renderSignedToc({ root }: XarToc, facts: SignedTocFacts): string {
  const shift = (element: XmlElement): XmlElement => {
    const isData = DATA_NAMES.includes(element.name);
    const children = element.children.map((child) => {
      if (!isElement(child)) return child;
      if (isData && child.name === "offset")
        return leaf("offset", String(numberIn(element, "offset") + facts.shiftBytes));
      return shift(child);
    });
    return { ...element, children };
  };
  const head: XmlElement[] = [place("checksum", facts.checksum.style, 0, facts.checksum.size, [])];
  let offset = facts.checksum.size;
  for (const { name, style, size } of facts.signatures) {
    head.push(place(name, style, offset, size, [keyInfo(facts.certificates)]));
    offset += size;
  }
  const children = root.children.map((child) => {
    if (!isElement(child) || child.name !== "toc") return child;
    const rest = child.children.filter(
      (inner) => !isElement(inner) || (inner.name !== "checksum" && !isSignature(inner)),
    );
    return { ...child, children: [...head, ...rest.map((inner) => (isElement(inner) ? shift(inner) : inner))] };
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${render({ ...root, children })}\n`;
}

function place(name: string, style: string, offset: number, size: number, more: readonly XmlElement[]): XmlElement {
  return {
    name,
    attributes: { style },
    children: [leaf("offset", String(offset)), leaf("size", String(size)), ...more],
  };
}

function keyInfo(certificates: readonly Uint8Array[]): XmlElement {
  const data = certificates.map((der) => leaf("X509Certificate", Buffer.from(der).toString("base64")));
  const x509: XmlElement = { name: "X509Data", attributes: {}, children: data };
  return { name: "KeyInfo", attributes: { xmlns: "http://www.w3.org/2000/09/xmldsig#" }, children: [x509] };
}

function leaf(name: string, text: string): XmlElement {
  return { name, attributes: {}, children: [text] };
}

function render(node: XmlElement | string): string {
  if (!isElement(node)) return escapeXml(node);
  const attributes = Object.entries(node.attributes).map(([name, value]) => ` ${name}="${escapeXml(value)}"`);
  const open = `<${node.name}${attributes.join("")}`;
  return node.children.length === 0 ? `${open}/>` : `${open}>${node.children.map(render).join("")}</${node.name}>`;
}

function parseXml(xml: string): XmlElement {
  interface Open {
    readonly name: string;
    readonly attributes: Record<string, string>;
    readonly children: (XmlElement | string)[];
  }
  const stack: Open[] = [];
  let root: Open | undefined;
  const parser = new SaxesParser();
  parser.on("error", (cause) => {
    throw badToc(`it is not well-formed XML (${cause.message})`, cause);
  });
  parser.on("opentag", ({ name, attributes }) => {
    if (stack.length >= MAX_DEPTH) throw badToc(`its elements are nested more than ${MAX_DEPTH} deep`);
    const element: Open = { name, attributes, children: [] };
    stack.at(-1)?.children.push(element);
    root ??= element;
    stack.push(element);
  });
  parser.on("closetag", () => void stack.pop());
  parser.on("text", (text) => void stack.at(-1)?.children.push(text));
  parser.on("cdata", (text) => void stack.at(-1)?.children.push(text));
  try {
    parser.write(xml).close();
  } catch (cause) {
    throw cause instanceof ErthError ? cause : badToc(messageOf(cause), cause);
  }
  if (root === undefined) throw badToc("it is empty");
  return root;
}

function* elements(from: XmlElement): Generator<XmlElement> {
  for (const child of from.children) {
    if (!isElement(child)) continue;
    yield child;
    yield* elements(child);
  }
}

function parseSignature(element: XmlElement): XarSignatureElement {
  const texts = [...elements(element)].filter(({ name }) => name === "X509Certificate").map(textOf);
  return {
    style: element.attributes["style"] ?? "",
    offset: numberIn(element, "offset"),
    size: numberIn(element, "size"),
    certificates: texts.map((text) => Buffer.from(text.replaceAll(/\s+/g, ""), "base64")),
  };
}

function isElement(node: XmlElement | string): node is XmlElement {
  return typeof node !== "string";
}

function isSignature(element: XmlElement): boolean {
  return SIGNATURE_NAMES.includes(element.name);
}

function childNamed(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.filter(isElement).find((child) => child.name === name);
}

function numberIn(element: XmlElement, name: string): number {
  const child = childNamed(element, name);
  const text = child === undefined ? "" : textOf(child).trim();
  if (!/^\d{1,15}$/.test(text)) throw badToc(`<${element.name}> has no number in <${name}>`);
  return Number(text);
}

function textOf(element: XmlElement): string {
  return element.children.map((child) => (isElement(child) ? "" : child)).join("");
}

function badToc(what: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "XAR_TOC",
    message: `The package's table of contents cannot be read: ${what}.`,
    remedy: "make the package again: erth package",
    cause,
  });
}
