/**
 * What keeps a release from its users unless somebody says otherwise: files
 * that nobody's key has signed, Mac apps that Apple has not judged, shells that
 * are not the configured ones. Pure; `erth release` tells it, and whatever
 * uploads a release has to refuse it.
 */
import type { Problem } from "../../runtime/base/errors.ts";
import { AD_HOC } from "../../signing/who-signed.ts";
import { osOf } from "../plan/target.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";

export interface Allowances {
  readonly isUnsignedAllowed: boolean;
  readonly isFallbackAllowed: boolean;
}

/** Every reason, file by file; empty for a release that may go out. */
export function publishProblems(manifest: Manifest, allowed: Allowances): readonly Problem[] {
  const problems: Problem[] = [];
  for (const file of manifest.artifacts) {
    if (!allowed.isUnsignedAllowed && !isSigned(file, manifest)) {
      const how = file.signedBy === AD_HOC ? "is signed ad hoc" : "is not signed";
      problems.push({
        code: "PUBLISH_UNSIGNED",
        message: `${file.path} ${how}: no key has signed it.`,
        remedy: "set the key in signing (docs/signing.md), then erth doctor signing && erth release",
      });
    } else if (!allowed.isUnsignedAllowed && isUnjudged(file)) {
      problems.push({
        code: "PUBLISH_NOT_NOTARIZED",
        message: `${file.path} is not notarized: ${file.notarization?.state === "submitted" ? "Apple has not answered yet" : "it was never submitted"}, and Gatekeeper stops it.`,
        remedy:
          file.notarization === undefined ? "set signing.apple.notarize, then erth release" : "erth notarize --resume",
      });
    }
    if (file.fallbackReason !== undefined && !allowed.isFallbackAllowed) {
      problems.push({
        code: "PUBLISH_FALLBACK",
        message: `${file.path} has the shell ${file.shell} instead of the configured one: ${file.fallbackReason}`,
        remedy: "erth lock where the core can be reached, then erth release --no-fallback",
      });
    }
  }
  return problems;
}

/** Whether somebody's key has signed the file or what is in it, or a signature lies beside it. */
export function isSigned({ signedBy, target, format }: ManifestFile, { companions }: Manifest): boolean {
  if (signedBy !== null) return signedBy !== AD_HOC;
  return companions.some((one) => one.target === target && one.format === format && one.role !== "zsync");
}

function isUnjudged({ target, notarization }: ManifestFile): boolean {
  return osOf(target) === "darwin" && notarization?.state !== "stapled" && notarization?.state !== "accepted";
}
