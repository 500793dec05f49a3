/**
 * Values that look like keys. A config is committed and printed, so secrets
 * come from the environment; one that strays in is refused and never shown.
 */

const SHAPES: readonly RegExp[] = [
  // PEM (RFC 7468): any private key.
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  // Tokens with a vendor's prefix: GitHub, GitLab, npm, Slack, AWS, OpenAI and Anthropic.
  /\b(?:gh[opsur]_[A-Za-z0-9]{20}|github_pat_[A-Za-z0-9_]{20}|glpat-[\w-]{20}|npm_[A-Za-z0-9]{30})/,
  /\b(?:xox[abprs]-[\w-]{20}|AKIA[A-Z0-9]{16}|sk-[\w-]{30})/,
  // A key file in base64 (PKCS #12, PKCS #8): DER of 256 bytes and more begins so.
  /\bMII[A-Za-z0-9+/]{120,}/,
  // JSON Web Token (RFC 7519): base64url of `{"`, twice.
  /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\./,
  // minisign and GPG secret keys.
  /untrusted comment: .*secret key|-----BEGIN PGP PRIVATE KEY BLOCK-----/i,
];

/** Whether a string has the shape of a private key or an access token. */
export function looksLikeSecret(text: string): boolean {
  return SHAPES.some((shape) => shape.test(text));
}

/** The paths of every string in a value that looks like a secret; cycles are walked once. */
export function secretPaths(value: unknown): readonly (readonly PropertyKey[])[] {
  const found: PropertyKey[][] = [];
  const seen = new Set<object>();
  const walk = (node: unknown, path: PropertyKey[]): void => {
    if (typeof node === "string") {
      if (looksLikeSecret(node)) found.push(path);
    } else if (typeof node === "object" && node !== null && !seen.has(node)) {
      seen.add(node);
      for (const [key, child] of Object.entries(node)) walk(child, [...path, Array.isArray(node) ? Number(key) : key]);
    }
  };
  walk(value, []);
  return found;
}
