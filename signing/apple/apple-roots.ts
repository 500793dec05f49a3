/** The roots that `anchor apple generic` means, and those that count like them. */
import type { Certificate } from "../cms/certificate.ts";

/** SHA-256 fingerprints (hex) of the roots that `anchor apple generic` means, as Apple publishes them on its PKI page. */
const APPLE_ROOTS: readonly string[] = [
  // Apple Root CA
  "b0b1730ecbc7ff4505142c49f1295e6eda6bcaed7e2c68c5be91b5a11001f024",
  // Apple Root CA - G2
  "c2b9b042dd57830e7d117dac55ac8ae19407d38e41d88f3215bc3a890444a050",
  // Apple Root CA - G3
  "63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179",
];

/** Roots that count as Apple's, besides Apple's own: for an authority of one's own. */
export interface AppleTrust {
  /** By SHA-256, hex. */
  readonly trustedRoots?: readonly string[] | undefined;
  /** As certificates, which complete the chains of signers that leave their root out. */
  readonly rootCertificates?: readonly Certificate[] | undefined;
}

/** Whether a chain ends in a root that counts as Apple's. */
export function isAppleRoot(root: Certificate | undefined, trust: AppleTrust): boolean {
  const { trustedRoots = [], rootCertificates = [] } = trust;
  const known = [...APPLE_ROOTS, ...trustedRoots, ...rootCertificates.map(({ fingerprint }) => fingerprint)];
  return root !== undefined && known.includes(root.fingerprint);
}
