/** Who signs, as far as a code signature's own fields say it: the team, and the designated requirement. */
import { hash } from "node:crypto";
import { ErthError } from "../../runtime/base/errors.ts";
import { type Certificate, certificateName, nameField, parseCertificate } from "../cms/certificate.ts";
import type { DigestSigner } from "../signer.ts";
import {
  APPLE_OID,
  encodeDeveloperIdRequirements,
  encodeLeafRequirements,
  encodeNoRequirements,
} from "./requirement.ts";

export interface SigningIdentity {
  /** Undefined: ad hoc. */
  readonly signer: DigestSigner | undefined;
  readonly teamId: string | undefined;
  /** The Requirements blob for code with this identifier. */
  readonly requirementsFor: (identifier: string) => Uint8Array;
  /** Checks the leaf that came with a signature, where it was not known before. Throws `KEY_TEAM`. */
  readonly requireLeaf: (leaf: Uint8Array) => void;
}

const AD_HOC: SigningIdentity = {
  signer: undefined,
  teamId: undefined,
  requirementsFor: encodeNoRequirements,
  requireLeaf: () => undefined,
};

/**
 * The identity of a key, or ad hoc without one. A Developer ID certificate
 * names its team; `teamId` is needed where a key service tells the certificate
 * only with the signature. Throws `KEY_TEAM` or `KEY_TEAM_MISSING`.
 */
export async function signingIdentity(signer: DigestSigner | undefined, teamId?: string): Promise<SigningIdentity> {
  if (signer === undefined) return AD_HOC;
  const [leafDer] = (await signer.certificates()) ?? [];
  if (leafDer === undefined) {
    if (teamId === undefined) throw teamMissing(signer.name);
    return developerId(signer, teamId);
  }
  const leaf = parseCertificate(leafDer);
  if (isDeveloperIdApplication(leaf)) {
    const found = requireTeam(signer.name, leaf, teamId);
    return developerId(signer, found);
  }
  const sha1 = hash("sha1", leafDer, "buffer");
  return {
    signer,
    teamId,
    requirementsFor: (identifier) => encodeLeafRequirements(identifier, sha1),
    requireLeaf(returned) {
      if (Buffer.compare(returned, leafDer) !== 0) throw otherCertificate(signer.name, parseCertificate(returned));
    },
  };
}

/** Whether Apple issued this certificate to sign apps outside its store. */
export function isDeveloperIdApplication(certificate: Certificate): boolean {
  return certificate.extensions.some(({ oid }) => oid === APPLE_OID.developerIdApplication);
}

function developerId(signer: DigestSigner, teamId: string): SigningIdentity {
  return {
    signer,
    teamId,
    requirementsFor: (identifier) => encodeDeveloperIdRequirements(identifier, teamId),
    requireLeaf(leafDer) {
      const leaf = parseCertificate(leafDer);
      if (!isDeveloperIdApplication(leaf)) throw otherCertificate(signer.name, leaf);
      requireTeam(signer.name, leaf, teamId);
    },
  };
}

function requireTeam(keyName: string, leaf: Certificate, teamId: string | undefined): string {
  const found = nameField(leaf.subject, "OU");
  if (found !== undefined && (teamId === undefined || teamId === found)) return found;
  throw new ErthError({
    code: "KEY_TEAM",
    message: `${keyName} is of team ${found ?? "(none)"} ("${certificateName(leaf)}"), not of ${teamId ?? "any"}.`,
    remedy: "set signing.apple.teamId to the certificate's team, or use that team's key, then: erth doctor signing",
  });
}

function teamMissing(keyName: string): ErthError {
  return new ErthError({
    code: "KEY_TEAM_MISSING",
    message: `${keyName} tells its certificate only with a signature, and the team must be known before.`,
    remedy: "set signing.apple.teamId to the ten characters of your Team ID, then: erth sign",
  });
}

function otherCertificate(keyName: string, found: Certificate): ErthError {
  return new ErthError({
    code: "KEY_CERTIFICATE",
    message: `${keyName} signed with another certificate than it named: "${certificateName(found)}".`,
    remedy: "check which certificate belongs to the key: erth doctor signing",
  });
}
