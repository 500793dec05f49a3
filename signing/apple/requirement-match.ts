/** Whether code meets a requirement, as far as the file alone can tell. Follows `reqinterp.cpp` of Apple's Security framework. */
import { type Certificate, nameField } from "../cms/certificate.ts";
import { certificateSha1, type Match, type Requirement } from "./requirement-parse.ts";

export interface RequirementSubject {
  readonly identifier: string;
  /** Hex, of every CodeDirectory. */
  readonly cdHashes: readonly string[];
  /** Leaf first; empty for ad-hoc code. */
  readonly chain: readonly Certificate[];
  /** The chain ends in a root that counts as Apple's. */
  readonly isAppleAnchored: boolean;
}

/** True or false; undefined where it depends on more than the file: a ticket, the trust settings of a Mac, an Info.plist. */
export function meetsRequirement(requirement: Requirement, subject: RequirementSubject): boolean | undefined {
  switch (requirement.op) {
    case "always":
      return true;
    case "never":
      return false;
    case "and":
    case "or": {
      const decisive = requirement.op === "or";
      const sides = [meetsRequirement(requirement.left, subject), meetsRequirement(requirement.right, subject)];
      if (sides.includes(decisive)) return decisive;
      return sides.includes(undefined) ? undefined : !decisive;
    }
    case "not": {
      const inner = meetsRequirement(requirement.of, subject);
      return inner === undefined ? undefined : !inner;
    }
    case "identifier":
      return Buffer.from(requirement.identifier).toString("utf8") === subject.identifier;
    case "cdHash":
      return subject.cdHashes.includes(Buffer.from(requirement.cdHash).toString("hex"));
    case "anchorAppleGeneric":
      return subject.isAppleAnchored;
    case "anchorHash": {
      const certificate = certificateAt(subject, requirement.slot);
      return certificate !== undefined && Buffer.compare(certificateSha1(certificate.der), requirement.sha1) === 0;
    }
    case "certificateExtension": {
      const extension = certificateAt(subject, requirement.slot)?.extensions.find(({ oid }) => oid === requirement.oid);
      if (requirement.match.op === "exists") return extension !== undefined;
      return requirement.match.op === "absent" ? extension === undefined : undefined;
    }
    case "certificatePolicy": {
      const hasPolicy = certificateAt(subject, requirement.slot)?.policies.includes(requirement.oid) ?? false;
      if (requirement.match.op === "exists") return hasPolicy;
      return requirement.match.op === "absent" ? !hasPolicy : undefined;
    }
    case "certificateField": {
      const field = Buffer.from(requirement.field).toString("latin1");
      const certificate = certificateAt(subject, requirement.slot);
      if (!field.startsWith("subject.")) return undefined;
      return matches(requirement.match, certificate && nameField(certificate.subject, field.slice("subject.".length)));
    }
    default:
      return undefined;
  }
}

function certificateAt({ chain }: RequirementSubject, slot: number): Certificate | undefined {
  return chain.at(slot);
}

function matches(match: Match, value: string | undefined): boolean | undefined {
  if (match.op === "absent") return value === undefined;
  if (value === undefined) return false;
  if (match.op === "exists") return true;
  if (!("value" in match)) return undefined;
  const wanted = Buffer.from(match.value).toString("utf8");
  switch (match.op) {
    case "equal":
      return value === wanted;
    case "contains":
      return value.includes(wanted);
    case "beginsWith":
      return value.startsWith(wanted);
    case "endsWith":
      return value.endsWith(wanted);
    default:
      return undefined;
  }
}
