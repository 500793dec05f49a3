/** Who signs what of a target, as far as the config says it. Pure: no key is opened here. */
import type { ResolvedSigning } from "../config/resolved-signing.ts";
import { osOf, type Target } from "./target.ts";

export type DetachedSignature = "openpgp" | "minisign";

export interface SigningPlan {
  /** The code inside the app: by a key, on macOS ad hoc without one, elsewhere by nobody. */
  readonly code: "key" | "ad-hoc" | "nobody";
  /** Whether there is a Developer ID Installer key. */
  readonly hasInstallerKey: boolean;
  /** Whether Apple's verdict is waited for and stapled, or only asked for; undefined: nothing is notarized. */
  readonly notarize: "wait" | "submit" | undefined;
  /** Signatures beside a finished file. */
  readonly detached: readonly DetachedSignature[];
}

/** The plan for one target. */
export function signingPlan({ apple, windows, openpgp, minisign }: ResolvedSigning, target: Target): SigningPlan {
  const os = osOf(target);
  if (os === "darwin") {
    return {
      code: apple ? "key" : "ad-hoc",
      hasInstallerKey: apple?.installerKey !== undefined,
      notarize: apple?.notarize?.mode,
      detached: [],
    };
  }
  const detached: DetachedSignature[] = [];
  if (os === "linux" && openpgp) detached.push("openpgp");
  if (os === "linux" && minisign) detached.push("minisign");
  const code = os === "win32" && windows ? "key" : "nobody";
  return { code, hasInstallerKey: false, notarize: undefined, detached };
}

/** One line for people. */
export function renderSigningPlan({ code, notarize, detached }: SigningPlan): string {
  if (detached.length > 0) return `detached, by ${detached.map((kind) => NAMES[kind]).join(" and ")}`;
  if (code !== "key") return code === "ad-hoc" ? "ad hoc: no key is configured" : "unsigned: no key is configured";
  const apple = { wait: ", notarized and stapled", submit: ", submitted to Apple's notary" };
  return `with the configured key${notarize === undefined ? "" : apple[notarize]}`;
}

const NAMES: Readonly<Record<DetachedSignature, string>> = { openpgp: "OpenPGP", minisign: "minisign" };
