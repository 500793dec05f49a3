/** Text from a server or a secret's owner, made fit for a terminal and a log. */

const LONGEST = 500;
const JWT = /eyJ[\w-]{8,}\.[\w-]+\.[\w-]+/g;

/**
 * One line of at most 500 characters: control characters become spaces, and
 * every secret, every long enough part of one, and anything like a JSON Web
 * Token becomes `[secret]`.
 */
export function plainText(text: string, secrets: readonly string[] = []): string {
  const hidden = secrets
    .flatMap((secret) => secret.split(/\s+/))
    .filter((part) => part.length >= 8)
    .sort((a, b) => b.length - a.length)
    .reduce((rest, part) => rest.replaceAll(part, "[secret]"), text.slice(0, 100 * LONGEST))
    .replaceAll(JWT, "[secret]");
  const line = Array.from(hidden, (character) => (isPrintable(character) ? character : " "))
    .join("")
    .replaceAll(/ {2,}/g, " ")
    .trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

// C0, C1, and the marks that reorder or hide text.
function isPrintable(character: string): boolean {
  return !/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u.test(character);
}
