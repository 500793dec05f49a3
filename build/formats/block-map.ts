/**
 * AppxBlockMap.xml: the SHA-256 of every 64 KiB of every file of an app
 * package, by which Windows checks and updates it block by block. Follows
 * Microsoft's "Package block map schema reference".
 */
import { SaxesParser } from "saxes";
import { ErthError, messageOf } from "../../runtime/base/errors.ts";
import { xmlDocument, xmlElement } from "./xml-text.ts";

export const BLOCK_BYTES = 64 << 10;
const NAMESPACE = "http://schemas.microsoft.com/appx/2010/blockmap";
const SHA256_METHOD = "http://www.w3.org/2001/04/xmlenc#sha256";

export interface MappedBlock {
  /** SHA-256 of the block before compression. */
  readonly hash: Uint8Array;
  /** Its length in the package; undefined in a file that is stored. */
  readonly compressedBytes: number | undefined;
}

export interface MappedFile {
  /** "/" separated; the map itself has backslashes. */
  readonly path: string;
  readonly bytes: number;
  /** Length of its local header in the zip. */
  readonly localHeaderBytes: number;
  readonly blocks: readonly MappedBlock[];
}

export function renderBlockMap(files: readonly MappedFile[]): string {
  const elements = files.map(({ path, bytes, localHeaderBytes, blocks }) =>
    xmlElement(
      "File",
      { Name: path.replaceAll("/", "\\"), Size: `${bytes}`, LfhSize: `${localHeaderBytes}` },
      ...blocks.map(({ hash, compressedBytes }) =>
        xmlElement("Block", {
          Hash: Buffer.from(hash).toString("base64"),
          ...(compressedBytes === undefined ? {} : { Size: `${compressedBytes}` }),
        }),
      ),
    ),
  );
  return xmlDocument(xmlElement("BlockMap", { xmlns: NAMESPACE, HashMethod: SHA256_METHOD }, ...elements));
}

/** Parses an untrusted map. Throws `BLOCK_MAP_INVALID`. */
export function parseBlockMap(xml: string): readonly MappedFile[] {
  const files: (Omit<MappedFile, "blocks"> & { readonly blocks: MappedBlock[] })[] = [];
  const open: string[] = [];
  const parser = new SaxesParser({ xmlns: true });
  parser.on("error", (cause) => {
    throw invalid(`it is not well-formed XML (${cause.message})`, cause);
  });
  parser.on("opentag", ({ local, uri, attributes }) => {
    const attribute = (name: string): string | undefined => attributes[name]?.value;
    const number = (name: string): number => {
      const text = attribute(name) ?? "";
      if (!/^\d{1,15}$/.test(text)) throw invalid(`<${local}> has no number in ${name}`);
      return Number(text);
    };
    const place = [...open, local].join(" ");
    open.push(local);
    if (uri !== NAMESPACE) return;
    if (place === "BlockMap" && attribute("HashMethod") !== SHA256_METHOD) {
      throw invalid(`its hash method is ${attribute("HashMethod") ?? "not named"}, not SHA-256`);
    }
    if (place === "BlockMap File") {
      const path = (attribute("Name") ?? "").replaceAll("\\", "/");
      files.push({ path, bytes: number("Size"), localHeaderBytes: number("LfhSize"), blocks: [] });
    } else if (place === "BlockMap File Block") {
      const hash = Buffer.from(attribute("Hash") ?? "", "base64");
      const compressedBytes = attribute("Size") === undefined ? undefined : number("Size");
      files.at(-1)?.blocks.push({ hash, compressedBytes });
    }
  });
  parser.on("closetag", () => void open.pop());
  try {
    parser.write(xml).close();
  } catch (cause) {
    throw cause instanceof ErthError ? cause : invalid(messageOf(cause), cause);
  }
  if (files.length === 0) throw invalid("it lists no file");
  return files;
}

function invalid(what: string, cause?: unknown): ErthError {
  return new ErthError({
    code: "BLOCK_MAP_INVALID",
    message: `the package's block map cannot be read: ${what}.`,
    remedy: "make the package again: erth package",
    cause,
  });
}
