/**
 * Checks an AppImage of type 2: its ELF runtime, and the signature that
 * `appimagetool --sign` embeds: OpenPGP, over the file's SHA-256 in hex, with
 * the sections of signature and key taken for zeros. Shares nothing with the
 * code that signs.
 */
import { createHash } from "node:crypto";
import { type ByteRange, withFileRange } from "../../build/formats/byte-range.ts";
import { type ElfFile, readElf } from "../../build/formats/elf-reader.ts";
import { ErthError, type Problem } from "../../runtime/base/errors.ts";
import { type OpenPgpPublicKey, readOpenPgpPublicKeys } from "./openpgp-public-key.ts";
import { type VerifiedOpenPgp, verifyOpenPgp } from "./verify-openpgp.ts";
import type { VerifyLinuxOptions } from "./verify-rpm.ts";

export interface VerifiedAppImage {
  readonly problems: readonly Problem[];
  readonly signatures: readonly VerifiedOpenPgp[];
  /** Whether a given key made the signature; undefined where it is the one in the file, which anybody may have put there. */
  readonly isTrusted: boolean | undefined;
  readonly facts: Readonly<Record<string, string>>;
  readonly elf: ElfFile | undefined;
}

const SIGNATURE_SECTION = ".sha256_sig";
const KEY_SECTION = ".sig_key";
const UPDATE_SECTION = ".upd_info";
const MAX_SECTION_BYTES = 1 << 20;
const PIECE_BYTES = 1 << 20;
/** `AI`, and the type, where an ELF header has unused bytes. */
const MAGIC_AT = 8;

/** The type that the magic says; undefined for an ELF file that is no AppImage. */
export function appImageType(head: Uint8Array): number | undefined {
  return head[MAGIC_AT] === 0x41 && head[MAGIC_AT + 1] === 0x49 ? head[MAGIC_AT + 2] : undefined;
}

/** Never throws for what is in the file; only for one that cannot be read, and when told to stop. */
export async function inspectAppImage(path: string, options: VerifyLinuxOptions): Promise<VerifiedAppImage> {
  const problems: Problem[] = [];
  const nothing = { problems, signatures: [], isTrusted: undefined };
  try {
    return await withFileRange(path, async (range) => {
      const elf = await readElf(range);
      const type = appImageType(await range.read(0, Math.min(16, range.size)));
      const update = await sectionText(range, elf, UPDATE_SECTION);
      const facts = { machine: elf.machine, type: String(type), ...(update ? { updates: update } : {}) };
      if (type !== 2) {
        problems.push(appImageProblem("APPIMAGE_TYPE", `It is of type ${type}; only type 2 is verified.`));
        return { ...nothing, facts, elf };
      }
      if (elf.end >= range.size)
        problems.push(appImageProblem("APPIMAGE_EMPTY", "No file system follows its runtime."));
      return { ...(await signatureFindings(range, elf, options, problems)), problems, facts, elf };
    });
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems.push({ code: error.code, message: error.message, remedy: error.remedy });
    return { ...nothing, facts: {}, elf: undefined };
  }
}

async function signatureFindings(
  range: ByteRange,
  elf: ElfFile,
  { keys, now, signal }: VerifyLinuxOptions,
  problems: Problem[],
): Promise<Pick<VerifiedAppImage, "signatures" | "isTrusted">> {
  const signature = await sectionText(range, elf, SIGNATURE_SECTION);
  const keyText = await sectionText(range, elf, KEY_SECTION);
  if (signature === undefined) {
    if (keyText !== undefined) problems.push(appImageProblem("APPIMAGE_SIGNATURE", "It has a key and no signature."));
    return { signatures: [], isTrusted: undefined };
  }
  const digest = await digestOf(range, elf, signal);
  const content = (async function* () {
    yield await Promise.resolve(Buffer.from(digest));
  })();
  // A key that was given decides; without any, the one in the file tells at least that nothing was changed.
  const judging = keys.length > 0 ? keys : await embeddedKeys(keyText, problems);
  const file = Buffer.from(signature);
  const found = await verifyOpenPgp({ content, file, keys: judging, what: "its embedded signature", now });
  problems.push(...found.problems);
  const holds = found.signatures.length > 0 && found.signatures.every((one) => one.holds === true);
  return { signatures: found.signatures, isTrusted: keys.length > 0 ? holds : undefined };
}

async function embeddedKeys(text: string | undefined, problems: Problem[]): Promise<readonly OpenPgpPublicKey[]> {
  if (text === undefined) return [];
  try {
    return await readOpenPgpPublicKeys(Buffer.from(text), KEY_SECTION);
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    problems.push({ code: error.code, message: error.message, remedy: error.remedy });
    return [];
  }
}

/** Hex, as it is signed. */
async function digestOf(range: ByteRange, { sections }: ElfFile, signal: AbortSignal | undefined): Promise<string> {
  const blanks = sections.filter(({ name }) => name === SIGNATURE_SECTION || name === KEY_SECTION);
  const hash = createHash("sha256");
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, range.size));
  for (let at = 0; at < range.size; at += PIECE_BYTES) {
    signal?.throwIfAborted();
    const piece = await range.read(at, Math.min(PIECE_BYTES, range.size - at), buffer);
    for (const { offset, size } of blanks) {
      const start = Math.max(0, offset - at);
      if (start < piece.length) piece.fill(0, start, Math.max(start, Math.min(piece.length, offset + size - at)));
    }
    hash.update(piece);
  }
  return hash.digest("hex");
}

/** A section's text up to its zeros; undefined where it is missing or blank. */
async function sectionText(range: ByteRange, { sections }: ElfFile, name: string): Promise<string | undefined> {
  const [section] = sections.filter((one) => one.name === name);
  if (section === undefined || section.size === 0 || section.size > MAX_SECTION_BYTES) return undefined;
  const bytes = Buffer.from(await range.read(section.offset, section.size));
  const end = bytes.indexOf(0);
  const text = bytes.toString("utf8", 0, end < 0 ? bytes.length : end).trim();
  return text === "" ? undefined : text;
}

function appImageProblem(code: string, message: string): Problem {
  return { code, message, remedy: "make the AppImage again: erth package" };
}
