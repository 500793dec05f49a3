/**
 * SQL text → tokens with their places, as SQLite's own tokenizer (`tokenize.c`)
 * cuts them wherever it matters here: comments, strings, quoted identifiers,
 * words and parameters. Operators come out one character at a time.
 */

export type TokenKind = "space" | "comment" | "string" | "quoted" | "word" | "parameter" | "other";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** In UTF-16 code units from the start of the SQL. */
  readonly offset: number;
}

// One alternative per kind. A comment, string or quoted name without its end runs to the
// end of the text: SQLite then says what is wrong with it.
const TOKEN = new RegExp(
  [
    String.raw`(?<space>[ \t\n\f\r\uFEFF]+)`,
    String.raw`(?<comment>--[^\n]*|/\*[^]*?(?:\*/|$))`,
    String.raw`(?<string>'[^']*(?:''[^']*)*(?:'|$))`,
    String.raw`(?<quoted>"[^"]*(?:""[^"]*)*(?:"|$)|\x60[^\x60]*(?:\x60\x60[^\x60]*)*(?:\x60|$)|\[[^\]]*(?:\]|$))`,
    String.raw`(?<parameter>\?[0-9]*|[:@$][A-Za-z0-9_$\u0080-\uFFFF]+)`,
    String.raw`(?<word>[A-Za-z0-9_\u0080-\uFFFF][A-Za-z0-9_$\u0080-\uFFFF]*)`,
    String.raw`(?<other>[^])`,
  ].join("|"),
  "y",
);

const KINDS: readonly TokenKind[] = ["space", "comment", "string", "quoted", "word", "parameter", "other"];

/** Every token in order, spaces and comments too: their texts joined are the input. Never throws. */
export function tokenize(sql: string): readonly Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  for (let match = pattern.exec(sql); match !== null; match = pattern.exec(sql)) {
    const groups = match.groups ?? {};
    const kind = KINDS.find((name) => groups[name] !== undefined) ?? "other";
    tokens.push({ kind, text: match[0], offset: match.index });
    if (pattern.lastIndex >= sql.length) break;
  }
  return tokens;
}

/** Whether SQLite sees the token at all. */
export function isSignificant(token: Token): boolean {
  return token.kind !== "space" && token.kind !== "comment";
}

/** Whether the token is this keyword, given in upper case; a quoted name is no keyword. */
export function isKeyword(token: Token | undefined, keyword: string): boolean {
  return token?.kind === "word" && token.text.toUpperCase() === keyword;
}
