/** Recomputes the hash of every page of a slice and compares it with what the signature says. */
import { createHash, hash } from "node:crypto";
import type { Problem } from "../../runtime/base/errors.ts";
import type { ByteRange } from "../../build/formats/byte-range.ts";
import type { CodeDirectory } from "./code-directory.ts";
import { type CodeHash, codeHashOf } from "./code-hash.ts";
import { codeProblem } from "./code-problem.ts";

const MIN_PAGE_LOG2 = 10;
const MAX_PAGE_LOG2 = 20;
const PIECE_BYTES = 4 << 20;
const MAX_NAMED_PAGES = 5;

/** Every page whose hash differs, in one problem for each directory. */
export async function verifyPages(slice: ByteRange, directory: CodeDirectory): Promise<readonly Problem[]> {
  const { codeLimit, pages, pageSizeLog2 } = directory;
  const algorithm = codeHashOf(directory);
  if (algorithm === undefined) {
    return [
      codeProblem("CODESIGN_HASH", `The hash type ${directory.hashType} of ${directory.hashBytes} bytes is not known.`),
    ];
  }
  if (codeLimit > slice.size) {
    return [codeProblem("CODESIGN_CODE_LIMIT", `The signature covers ${codeLimit} bytes, the code has ${slice.size}.`)];
  }
  if (pageSizeLog2 === 0) return verifyOnePage(slice, directory, algorithm);
  if (pageSizeLog2 < MIN_PAGE_LOG2 || pageSizeLog2 > MAX_PAGE_LOG2) {
    return [codeProblem("CODESIGN_PAGE_SIZE", `The pages have 2^${pageSizeLog2} bytes.`)];
  }
  const pageBytes = 2 ** pageSizeLog2;
  const expected = Math.ceil(codeLimit / pageBytes);
  if (pages !== expected) {
    return [codeProblem("CODESIGN_PAGES", `The signature has ${pages} page hashes, the code ${expected} pages.`)];
  }
  const wrong: number[] = [];
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, codeLimit));
  for (let at = 0; at < codeLimit; at += PIECE_BYTES) {
    const piece = await slice.read(at, Math.min(PIECE_BYTES, codeLimit - at), buffer);
    for (let offset = 0; offset < piece.length; offset += pageBytes) {
      const page = (at + offset) / pageBytes;
      const actual = hash(algorithm.name, piece.subarray(offset, offset + pageBytes), "buffer");
      if (Buffer.compare(actual.subarray(0, algorithm.bytes), directory.pageHash(page)) !== 0) wrong.push(page);
    }
  }
  if (wrong.length === 0) return [];
  const named = wrong.slice(0, MAX_NAMED_PAGES).map((page) => `${page} (at ${page * pageBytes})`);
  const more = wrong.length > named.length ? " and more" : "";
  return [
    codeProblem(
      "CODESIGN_PAGE_HASH",
      `${wrong.length} of ${pages} pages differ from their hashes: ${named.join(", ")}${more}.`,
    ),
  ];
}

async function verifyOnePage(
  slice: ByteRange,
  directory: CodeDirectory,
  algorithm: CodeHash,
): Promise<readonly Problem[]> {
  const { codeLimit, pages } = directory;
  if (pages !== 1) return [codeProblem("CODESIGN_PAGES", `The signature has ${pages} hashes for one page.`)];
  const whole = createHash(algorithm.name);
  for (let at = 0; at < codeLimit; at += PIECE_BYTES) {
    whole.update(await slice.read(at, Math.min(PIECE_BYTES, codeLimit - at)));
  }
  if (Buffer.compare(whole.digest().subarray(0, algorithm.bytes), directory.pageHash(0)) === 0) return [];
  return [codeProblem("CODESIGN_PAGE_HASH", "The code differs from its hash.")];
}
