/** Signatures beside a file: OpenPGP in `.asc` and `.sig`, minisign in `.minisig`, and Tauri's minisign in `.sig`. */
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { ErthError, type Problem, systemCode } from "../../runtime/base/errors.ts";
import { minisignKeyName } from "../linux/minisign-key.ts";
import { fileContent, parseMinisignSignature, verifyMinisign } from "../linux/minisign.ts";
import { verifyOpenPgp } from "../linux/verify-openpgp.ts";
import { openPgpFacts } from "./openpgp-facts.ts";
import type { VerifySettings } from "./session.ts";
import type { Findings, SignatureFacts } from "./verification.ts";

const SUFFIXES = [".asc", ".sig", ".minisig"] as const;
const MAX_BYTES = 1 << 20;

/** The file that a detached signature is for, where its name says that it is one; undefined for others. */
export function signedFileOf(path: string): string | undefined {
  const suffix = SUFFIXES.find((one) => path.endsWith(one));
  return suffix === undefined ? undefined : path.slice(0, -suffix.length);
}

/** Verifies every signature that lies beside the file. */
export async function detachedFindings(path: string, settings: VerifySettings): Promise<Findings> {
  const problems: Problem[] = [];
  const signatures: SignatureFacts[] = [];
  for (const suffix of SUFFIXES) {
    const signature = await readIfThere(`${path}${suffix}`);
    if (signature === undefined) continue;
    const found = await verifyOne(path, `${basename(path)}${suffix}`, signature, settings);
    problems.push(...found.problems);
    signatures.push(...(found.signatures ?? []));
  }
  return { problems, signatures };
}

async function verifyOne(path: string, name: string, file: Uint8Array, settings: VerifySettings): Promise<Findings> {
  const { trust, now } = settings;
  const isOpenPgp = name.endsWith(".asc") || (name.endsWith(".sig") && !isMinisignText(file));
  if (!isOpenPgp) return await verifyMinisignFile(path, name, file, settings);
  const keys = trust.openPgpKeys;
  const found = await verifyOpenPgp({ content: fileContent(path), file, keys, what: name, now });
  return { problems: found.problems, signatures: found.signatures.map((one) => openPgpFacts(one, name)) };
}

/** Tauri's form is base64 of minisign's text; a packet of OpenPGP begins with a byte that is no ASCII. */
function isMinisignText(file: Uint8Array): boolean {
  return !Buffer.from(file).toString("latin1").startsWith("-----BEGIN") && (file[0] ?? 0) < 0x80;
}

async function verifyMinisignFile(
  path: string,
  name: string,
  file: Uint8Array,
  { trust }: VerifySettings,
): Promise<Findings> {
  try {
    const signed = parseMinisignSignature(Buffer.from(file).toString("utf8"));
    const keyName = minisignKeyName(signed);
    const key = trust.minisignKeys.find((one) => minisignKeyName(one) === keyName);
    const fact: SignatureFacts = {
      scheme: "minisign",
      part: name,
      signer: `minisign key ${keyName}`,
      chain: [],
      isTrusted: undefined,
      timestamp: undefined,
      timestampAuthority: undefined,
      claimedTime: undefined,
      facts: { comment: signed.trustedComment },
    };
    if (key === undefined) {
      const message = `${name} is by the minisign key ${keyName}, whose public key was not given: nothing is proven.`;
      const remedy = "get the signer's public key from a place you trust, then: erth verify --trust KEY.pub FILE";
      return { problems: [{ code: "SIGNATURE_KEY_UNKNOWN", message, remedy }], signatures: [fact] };
    }
    await verifyMinisign(fileContent(path), signed, key, name);
    return { problems: [], signatures: [{ ...fact, isTrusted: true }] };
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    return { problems: [{ code: error.code, message: `${name}: ${error.message}`, remedy: error.remedy }] };
  }
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    // What is bigger is no signature, and said to be none by its parser.
    return size > MAX_BYTES ? new Uint8Array() : await readFile(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
