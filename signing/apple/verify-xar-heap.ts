/**
 * Checks the heap of a package (XAR): every file's data against the checksum
 * that the signed table gives it, and that nothing lies in the heap which the
 * table does not name. The signature covers the table alone.
 */
import { createHash } from "node:crypto";
import type { ByteRange } from "../../build/formats/byte-range.ts";
import type { XarArchive } from "../../build/formats/xar.ts";
import type { XmlElement } from "../../build/formats/xar-toc.ts";
import type { Problem } from "../../runtime/base/errors.ts";

interface HeapPart {
  /** A file's path, or what else it is. */
  readonly what: string;
  readonly offset: number;
  readonly length: number;
  /** Undefined for the checksum of the table and the signatures. */
  readonly checksum?: { readonly style: string; readonly hex: string };
}

const PIECE_BYTES = 4 << 20;
const DIGESTS: readonly string[] = ["sha1", "sha256", "sha512"];
const DATA_NAMES: readonly string[] = ["data", "ea"];

/** Every part of the heap that is not what the table says, and what the table does not name. */
export async function heapProblems(
  range: ByteRange,
  archive: XarArchive,
  signal?: AbortSignal,
): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const report = (code: string, message: string): void =>
    void problems.push({ code, message, remedy: "the package was changed after it was made: erth package" });
  const { heapOffset, endOffset, toc } = archive;
  const parts: HeapPart[] = [
    { what: "the checksum", offset: toc.checksum.offset, length: toc.checksum.size },
    ...toc.signatures.map(({ style, offset, size }) => ({ what: `the ${style} signature`, offset, length: size })),
    ...dataOf(toc.root, ""),
  ];
  for (const { what, offset, length, checksum } of parts) {
    if (heapOffset + offset + length > endOffset) {
      report("XAR_DATA", `${what} (${length} bytes at ${offset} of the heap) reaches beyond its end.`);
    } else if (checksum !== undefined && !DIGESTS.includes(checksum.style)) {
      report("XAR_DATA", `${what} has a checksum by "${checksum.style}", which proves nothing.`);
    } else if (checksum !== undefined) {
      const hash = createHash(checksum.style);
      for (let at = 0; at < length; at += PIECE_BYTES) {
        signal?.throwIfAborted();
        hash.update(await range.read(heapOffset + offset + at, Math.min(PIECE_BYTES, length - at)));
      }
      if (hash.digest("hex") !== checksum.hex) report("XAR_DATA", `${what} differs from its checksum.`);
    }
  }
  const hidden = gapBytes(parts, endOffset - heapOffset);
  if (hidden > 0) report("XAR_HIDDEN", `${hidden} bytes belong to none of its files, and no signature covers them.`);
  return problems;
}

/** Data and extended attributes of all files; several may share a place, as hard links do. */
function dataOf(element: XmlElement, folder: string): readonly HeapPart[] {
  return childrenOf(element).flatMap((child): readonly HeapPart[] => {
    if (child.name !== "file") return child.name === "toc" ? dataOf(child, folder) : [];
    const path = `${folder}/${textIn(child, "name")}`;
    const own = childrenOf(child)
      .filter(({ name }) => DATA_NAMES.includes(name))
      .map((data) => {
        const [checksum] = childrenOf(data).filter(({ name }) => name === "archived-checksum");
        return {
          what: path.slice(1),
          offset: numberIn(data, "offset"),
          length: numberIn(data, "length"),
          checksum: {
            style: (checksum?.attributes["style"] ?? "").toLowerCase(),
            hex: (checksum === undefined ? "" : textOf(checksum)).trim().toLowerCase(),
          },
        };
      });
    return [...own, ...dataOf(child, path)];
  });
}

/** Bytes of the heap that lie in none of these parts. */
function gapBytes(parts: readonly HeapPart[], heapBytes: number): number {
  let [hidden, end] = [0, 0];
  for (const { offset, length } of parts.toSorted((a, b) => a.offset - b.offset)) {
    hidden += Math.max(0, offset - end);
    end = Math.max(end, offset + length);
  }
  return hidden + Math.max(0, heapBytes - end);
}

function childrenOf(element: XmlElement): readonly XmlElement[] {
  return element.children.filter((child) => typeof child !== "string");
}

function textOf(element: XmlElement): string {
  return element.children.filter((child) => typeof child === "string").join("");
}

function textIn(element: XmlElement, name: string): string {
  const child = childrenOf(element).find((one) => one.name === name);
  return child === undefined ? "" : textOf(child);
}

/** The parser has refused data without such numbers, save where there is no data at all. */
function numberIn(element: XmlElement, name: string): number {
  const text = textIn(element, name).trim();
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
