/**
 * Verifies a finished file of any kind, told by its content: everything in it
 * is parsed and computed again, nothing is believed for having been written by
 * us. All problems are found, not the first one. What only Apple's and
 * Microsoft's own systems can say (whether a ticket holds, whether a root is
 * in Windows' store) is told as a fact.
 */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { LIMITS } from "../build/formats/unpack-limits.ts";
import { ErthError, type Problem } from "../runtime/base/errors.ts";
import { app } from "./verify/app.ts";
import { detachedFindings, signedFileOf } from "./verify/detached.ts";
import { dmg } from "./verify/dmg.ts";
import { kindOfFile, nameFault } from "./verify/kind.ts";
import { appImage, deb, elf, rpm } from "./verify/linux-packages.ts";
import { machO } from "./verify/mach-o.ts";
import { msi } from "./verify/msi.ts";
import { msix } from "./verify/msix.ts";
import { pe } from "./verify/pe.ts";
import { pkg } from "./verify/pkg.ts";
import { renderFindings } from "./verify/render.ts";
import { type Inspector, type VerifySession, type VerifySettings, withFolders } from "./verify/session.ts";
import type { FileKind, Findings, Verification } from "./verify/verification.ts";
import { zip } from "./verify/zip.ts";

export type { VerifySettings } from "./verify/session.ts";
export { allProblems, allSignatures, type SignatureFacts, type Verification } from "./verify/verification.ts";

const INSPECTORS: Readonly<Record<Exclude<FileKind, "file">, Inspector>> = {
  app,
  "mach-o": machO,
  dmg,
  pkg,
  zip,
  msix,
  pe,
  msi,
  deb,
  rpm,
  appimage: appImage,
  elf,
};

/** What says that nobody signed: no problem where nobody meant to. */
const UNSIGNED: readonly string[] = [
  "CODESIGN_MISSING",
  "XAR_UNSIGNED",
  "PE_UNSIGNED",
  "MSI_UNSIGNED",
  "MSIX_UNSIGNED",
];

/** Every problem and fact of a file or `.app` folder, absolute. Throws `USAGE_FILE`, and what the signal gives as reason. */
export async function verifyFile(path: string, settings: VerifySettings): Promise<Verification> {
  return await withFolders((newFolder) => verifyNamed(path, basename(path), sessionOf(settings, newFolder)));
}

/** The decoded dump of a file, lines ending in LF: what goldens freeze. Throws `USAGE_FILE`. */
export async function explainFile(path: string, settings: VerifySettings): Promise<string> {
  return await withFolders((newFolder) => explainNamed(path, sessionOf(settings, newFolder)));
}

function sessionOf(settings: VerifySettings, newFolder: () => Promise<string>): VerifySession {
  const session: VerifySession = {
    ...settings,
    limits: settings.limits ?? LIMITS,
    newFolder,
    verifyInner: (path, name) => verifyNamed(path, name, session),
    explainInner: (path) => explainNamed(path, session),
  };
  return session;
}

async function verifyNamed(path: string, name: string, session: VerifySession): Promise<Verification> {
  const kind = await kindOfFile(path);
  const detached = kind === "app" ? { problems: [] } : await detachedFindings(path, session);
  const found =
    kind === "file" ? await otherFile(path, detached, session) : await INSPECTORS[kind].verify(path, session);
  const fault = nameFault(path, kind);
  const problems = [
    ...(fault === undefined ? [] : [nameProblem(fault)]),
    ...found.problems.filter(({ code }) => !(session.mayBeUnsigned === true && UNSIGNED.includes(code))),
    ...detached.problems,
  ];
  return {
    name,
    kind,
    bytes: kind === "app" ? undefined : (await stat(path)).size,
    problems,
    signatures: [...(found.signatures ?? []), ...(detached.signatures ?? [])],
    ticket: found.ticket,
    facts: found.facts ?? {},
    contents: found.contents ?? [],
  };
}

async function explainNamed(path: string, session: VerifySession): Promise<string> {
  const kind = await kindOfFile(path);
  if (kind === "file") return renderFindings(kind, await detachedFindings(path, session));
  try {
    return await INSPECTORS[kind].explain(path, session);
  } catch (error) {
    // What cannot be decoded is said, and what could be verified of it is told by the problems.
    if (!(error instanceof ErthError) || session.signal?.aborted) throw error;
    return `${kind}\nunreadable: ${error.message}\n`;
  }
}

/** A file of no kind that carries a signature: one that is a signature leads to what it is for. */
async function otherFile(path: string, detached: Findings, session: VerifySession): Promise<Findings> {
  if ((detached.signatures ?? []).length > 0 || detached.problems.length > 0) return { problems: [] };
  const signed = signedFileOf(path);
  if (signed !== undefined && (await isFile(signed))) {
    const { problems, signatures = [] } = await detachedFindings(signed, session);
    return { problems, signatures, facts: { "signature of": basename(signed) } };
  }
  const message = "Its content is none of the kinds that can be verified, and no signature lies beside it.";
  const remedy =
    "give an .app, Mach-O, .dmg, .pkg, .zip, .exe, .dll, .msi, .msix, .deb, .rpm or .AppImage: erth verify FILE…";
  return { problems: [{ code: "VERIFY_KIND", message, remedy }] };
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function nameProblem(fault: string): Problem {
  const message = `${fault.charAt(0).toUpperCase()}${fault.slice(1)}.`;
  return { code: "VERIFY_NAME", message, remedy: "get the file again from the place you trust" };
}
