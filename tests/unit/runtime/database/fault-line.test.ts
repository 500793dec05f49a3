import { expect, test } from "vitest";
import { compileMessage, connect } from "../../../../runtime/database/driver.ts";
import { faultLine, isSyntaxFault } from "../../../../runtime/database/fault-line.ts";
import { splitStatements } from "../../../../runtime/database/statements.ts";

/** Line and message that the last statement fails with, on a database with the table `t (a, b)`. */
function fault(sql: string): readonly [number, string] {
  const connection = connect(":memory:");
  connection.exec("CREATE TABLE t (a, b)");
  const compile = (text: string): string | undefined => compileMessage(connection, text);
  try {
    for (const statement of splitStatements(sql)) {
      const message = compile(statement.sql);
      if (message !== undefined) return [faultLine(statement, message, compile), message];
    }
    throw new Error("it compiles");
  } finally {
    connection.close();
  }
}

test.each([
  ["SELECT 1;\n\nCREAT TABLE x (a);", 3, 'near "CREAT": syntax error'],
  ["CREATE TABLE x (\n  a,\n  b,,\n  c,\n  d)", 3, 'near ",": syntax error'],
  ["SELECT a FROM t\nWHERE a = a\n  a a = 1", 3, 'near "a": syntax error'],
  ["DELETE FROM t\nWHERE a = 1\nt t", 3, 'near "t": syntax error'],
  ["SELECT\n\n  zork FROM t", 3, "no such column: zork"],
  ["SELECT 1\nFROM\n nowhere", 3, "no such table: nowhere"],
  ["CREATE TABLE x (\n a,\n b,\n a)", 1, "duplicate column name: a"],
  ["SELECT 1 FROM t\nWHERE a = 'open", 2, `unrecognized token: "'open"`],
  ["CREATE TABLE x (\n a", 1, "incomplete input"],
  ["SELECT\n t.a,\n t.c FROM t", 3, "no such column: t.c"],
  ["SELECT\n\n count(1, 2) FROM t", 1, "wrong number of arguments to function count()"],
])("%j fails on line %i", (sql, line, message) => {
  expect(fault(sql)).toEqual([line, message]);
});

test("faults of form are told from those that depend on other statements", () => {
  expect(['near "x": syntax error', "incomplete input", "no such table: x"].map(isSyntaxFault)).toEqual([
    true,
    true,
    false,
  ]);
});
