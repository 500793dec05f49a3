/**
 * The line of a fault inside a statement. SQLite's message names a token
 * (`near "x": syntax error`) but not its place, and the driver does not pass
 * on `sqlite3_error_offset()`, so the place is found by trying.
 */
import type { Statement } from "./statements.ts";

/** The message with which SQLite refuses to compile this SQL, or undefined if it compiles. */
export type Compile = (sql: string) => string | undefined;

const SYNTAX = /near "(?<name>[^]*)": syntax error/;
const NAMED =
  /(?:unrecognized token: "|no such (?:table|column|function|index|view|trigger|collation sequence|module): |duplicate column name: |(?:table|index|view|trigger) |ambiguous column name: |unknown column ")(?<name>[^"\s]+)/;

/** Line of the fault that `message` tells of, counted from the start of the migration; the statement's first line if in doubt. */
export function faultLine(statement: Statement, message: string, compile: Compile): number {
  const syntax = SYNTAX.exec(message)?.groups?.name;
  if (syntax !== undefined) {
    // The parser stops at the first token that cannot follow: cut there it gives the same message,
    // cut earlier it only misses more input. EXPLAIN keeps a prefix that is whole from being run.
    const places = placesOf(statement, syntax);
    const found = places.find((place) => {
      const prefix = statement.sql.slice(0, place - statement.offset + syntax.length);
      return SYNTAX.exec(compile(`EXPLAIN ${prefix}`) ?? "")?.groups?.name === syntax;
    });
    return lineAt(statement, found ?? places[0]);
  }
  const named = NAMED.exec(message)?.groups?.name;
  const places = named === undefined ? [] : placesOf(statement, named.split(".").at(-1) ?? named);
  return lineAt(statement, places.length === 1 ? places[0] : undefined);
}

/** Whether the message tells of the statement's form alone, whatever tables there are. */
export function isSyntaxFault(message: string): boolean {
  return SYNTAX.test(message) || /unrecognized token: "|incomplete input/.test(message);
}

function placesOf(statement: Statement, text: string): readonly number[] {
  return statement.tokens
    .map((token) => token.offset)
    .filter((offset) => statement.sql.startsWith(text, offset - statement.offset));
}

function lineAt(statement: Statement, place: number | undefined): number {
  if (place === undefined) return statement.line;
  const before = statement.sql.slice(0, place - statement.offset);
  return statement.line + before.split("\n").length - 1;
}
