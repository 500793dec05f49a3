/** What verifying a file comes to: every problem, and who signed what, when and how. Plain data, for `--json`. */
import type { Problem } from "../../runtime/base/errors.ts";

export type FileKind =
  | "app"
  | "mach-o"
  | "dmg"
  | "pkg"
  | "zip"
  | "pe"
  | "msi"
  | "msix"
  | "deb"
  | "rpm"
  | "appimage"
  | "elf"
  | "file";

/** One signature, as far as it can be read; whether it holds is told by the problems. */
export interface SignatureFacts {
  readonly scheme: "code signature" | "Authenticode" | "RSA and CMS" | "OpenPGP" | "minisign";
  /** Which part it is of: an architecture, a nested signature's number, the file that holds it; "" for the only one. */
  readonly part: string;
  /** Common name, user id or key id; `ad-hoc` where nobody signed. */
  readonly signer: string;
  /** Names of certificates, leaf first; empty where there are none. */
  readonly chain: readonly string[];
  /** Undefined where nothing is known to judge by: no root, no key was given. */
  readonly isTrusted: boolean | undefined;
  /** When, as far as it is proven by a timestamp. */
  readonly timestamp: Date | undefined;
  readonly timestampAuthority: string | undefined;
  /** When, as the signer says. */
  readonly claimedTime: Date | undefined;
  /** What else the signature says, in the order in which it is told. */
  readonly facts: Readonly<Record<string, string>>;
}

/** A notarization ticket: there, not there, or nothing that such a file could have. */
export type TicketState = "stapled" | "none" | undefined;

export interface Verification {
  /** As it was asked for; of something in a container its path there, "/" separated. */
  readonly name: string;
  readonly kind: FileKind;
  /** Undefined for a folder. */
  readonly bytes: number | undefined;
  /** Its own; those of what is in it stand there. */
  readonly problems: readonly Problem[];
  readonly signatures: readonly SignatureFacts[];
  readonly ticket: TicketState;
  readonly facts: Readonly<Record<string, string>>;
  readonly contents: readonly Verification[];
}

/** What an inspector finds; what it leaves out is empty. */
export type Findings = Partial<Pick<Verification, "signatures" | "ticket" | "facts" | "contents">> &
  Pick<Verification, "problems">;

/** Every problem, those of contents too, each with the path to where it is. */
export function allProblems(verification: Verification, path = verification.name): readonly Problem[] {
  const own = verification.problems.map((problem) => ({ ...problem, message: `${path}: ${problem.message}` }));
  return [...own, ...verification.contents.flatMap((inner) => allProblems(inner, `${path}/${inner.name}`))];
}

/** Every signature, those of contents too, with the path to where it is. */
export function allSignatures(
  verification: Verification,
  path = verification.name,
): readonly (readonly [path: string, signature: SignatureFacts])[] {
  const own = verification.signatures.map((signature) => [path, signature] as const);
  return [...own, ...verification.contents.flatMap((inner) => allSignatures(inner, `${path}/${inner.name}`))];
}
