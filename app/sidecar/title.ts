/**
 * What a title may be. A title is one line of text: it is stored as the user
 * means it (Unicode NFC, no control characters) and escaped only where it is shown.
 */

/** In Unicode code points, so that an emoji counts once. */
export const TITLE_LIMIT = 500;

export type TitleCheck =
  | { readonly ok: true; readonly title: string }
  /** `problem` is a sentence for the user. */
  | { readonly ok: false; readonly isEmpty: boolean; readonly problem: string };

/** Brings what was typed into one line and says whether it can be a title. */
export function checkTitle(input: string): TitleCheck {
  // A one-line title cannot show a line break, a NUL or a lone surrogate.
  const title = input
    .toWellFormed()
    .normalize("NFC")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
  // Only spaces or marks of direction: nothing that anyone could see or click.
  if (!/[^\p{Cf}\p{Z}]/u.test(title)) return { ok: false, isEmpty: true, problem: "Write a few words first." };
  const length = Array.from(title).length;
  if (length > TITLE_LIMIT) {
    const problem = `That is ${length} characters; a todo holds ${TITLE_LIMIT}. Shorten it a little.`;
    return { ok: false, isEmpty: false, problem };
  }
  return { ok: true, title };
}

/** The form in which titles and queries are compared: no case, accents or compatibility forms. */
export function foldForSearch(text: string): string {
  return text.toWellFormed().normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
