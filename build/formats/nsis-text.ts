/** Text in NSIS scripts: how the manual (4.2, "Variables") quotes it. */

/** A define, because `$${X}` and `$$%X%` would still be read as what X stands for. */
export const DOLLAR_DEFINE = '!define DOLLAR "$$"';

const ESCAPES: Readonly<Record<string, string>> = {
  $: "${DOLLAR}",
  '"': '$\\"',
  "\n": "$\\n",
  "\r": "$\\r",
  "\t": "$\\t",
};

/** The text between double quotes, so that the compiler reads exactly it: no variable, no define, no quote of its own. */
export function nsisString(text: string): string {
  return `"${nsisText(text)}"`;
}

/** The same without the quotes, to stand beside variables in one string. */
export function nsisText(text: string): string {
  return text.replace(/[$"\n\r\t]/g, (character) => ESCAPES[character] ?? character);
}

/** A path of the app in Windows' own notation, escaped. */
export function nsisPath(path: string): string {
  return nsisText(path.replaceAll("/", "\\"));
}
