/**
 * A migration's text → its statements, so that each can be run alone and a
 * fault can be given its line. A statement ends where SQLite's own
 * `sqlite3_complete()` ends it: at a semicolon, and for `CREATE TRIGGER` at
 * the semicolon of `; END;`.
 */
import { isKeyword, isSignificant, tokenize, type Token } from "./tokens.ts";

export interface Statement {
  /** From the first token to the closing semicolon, or to the last token of the text. */
  readonly sql: string;
  /** In UTF-16 code units from the start of the text. */
  readonly offset: number;
  /** Line of the first token in the whole text, from 1. */
  readonly line: number;
  /** Without spaces and comments; offsets count from the start of the whole text. */
  readonly tokens: readonly Token[];
}

/** The statements in order; between them lie only spaces, comments and stray semicolons. Never throws. */
export function splitStatements(sql: string): readonly Statement[] {
  const statements: Statement[] = [];
  const lineOf = lineCounter(sql);
  let tokens: Token[] = [];
  const close = (): void => {
    const first = tokens[0];
    const last = tokens.at(-1);
    if (first !== undefined && last !== undefined && first.text !== ";") {
      const text = sql.slice(first.offset, last.offset + last.text.length);
      statements.push({ sql: text, offset: first.offset, line: lineOf(first.offset), tokens });
    }
    tokens = [];
  };
  for (const token of tokenize(sql)) {
    if (!isSignificant(token)) continue;
    tokens.push(token);
    if (token.text === ";" && (!isTrigger(tokens) || isTriggerEnd(tokens))) close();
  }
  close();
  return statements;
}

function isTrigger(tokens: readonly Token[]): boolean {
  if (!isKeyword(tokens[0], "CREATE")) return false;
  const temporary = isKeyword(tokens[1], "TEMP") || isKeyword(tokens[1], "TEMPORARY");
  return isKeyword(tokens[temporary ? 2 : 1], "TRIGGER");
}

// `CASE … END;` inside a trigger's body is not its end: no semicolon stands before that END.
function isTriggerEnd(tokens: readonly Token[]): boolean {
  return isKeyword(tokens.at(-2), "END") && tokens.at(-3)?.text === ";";
}

/** Line numbers from 1, for offsets asked in ascending order. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let done = 0;
  return (offset) => {
    for (; done < offset; done++) if (text[done] === "\n") line++;
    return line;
  };
}
