import * as fc from "fast-check";
import { expect, test } from "vitest";
import { splitStatements } from "../../../../runtime/database/statements.ts";
import { isSignificant, tokenize } from "../../../../runtime/database/tokens.ts";

const split = (sql: string): readonly (readonly [number, string])[] =>
  splitStatements(sql).map((statement) => [statement.line, statement.sql] as const);

test("statements come with the line of their first token", () => {
  expect(split("-- a comment; with semicolon\n\nSELECT 1;\n/* b;\n */ SELECT\n 2 ;SELECT 3")).toEqual([
    [3, "SELECT 1;"],
    [5, "SELECT\n 2 ;"],
    [6, "SELECT 3"],
  ]);
});

test("semicolons in strings, quoted names and comments end nothing", () => {
  const sql = `INSERT INTO "a;""b" (\`c;d\`, [e;f]) VALUES ('g;''h', x'00') -- ;\n /* ; */ RETURNING 1;`;
  expect(split(sql)).toEqual([[1, sql]]);
});

test("a trigger ends at its own END, whatever CASE … END stands in it", () => {
  const trigger = `CREATE TEMP TRIGGER t AFTER INSERT ON a WHEN CASE new.x WHEN 1 THEN 1 ELSE 0 END BEGIN
  UPDATE a SET x = CASE WHEN x THEN 1 END;
  INSERT INTO b VALUES ('; END;');
  /* ; end; */ SELECT "END" FROM c;
end;`;
  expect(split(`${trigger}\nSELECT 1;`)).toEqual([
    [1, trigger],
    [6, "SELECT 1;"],
  ]);
});

test("a table that is called trigger is no trigger", () => {
  expect(split("CREATE TABLE trigger_log (a); SELECT 1; END; CREATE INDEX i ON a (b);").length).toBe(4);
  expect(split('CREATE TABLE "TRIGGER" (a); SELECT 1;').length).toBe(2);
});

test("stray semicolons, spaces, a byte-order mark and comments alone are no statements", () => {
  expect(split("\uFEFF;;\n -- only this\n;/* and this */ ;")).toEqual([]);
  expect(split("")).toEqual([]);
});

test("what has no end runs to the end of the text", () => {
  for (const tail of ["'open; string", '"open; name', "[open; name", "`open; name", "/* open; comment"]) {
    expect(splitStatements(`SELECT 1; SELECT ${tail}`).length, tail).toBe(2);
  }
});

test("a string of a few megabytes is cut in one piece", () => {
  const long = `INSERT INTO a VALUES ('${"it''s; ".repeat(400_000)}');`;
  expect(split(`${long}SELECT 1`)).toEqual([
    [1, long],
    [1, "SELECT 1"],
  ]);
});

const pieces = fc.constantFrom(
  ..."CREATE,TRIGGER,TEMP,BEGIN,END,CASE,SELECT,a_1,é数,'x;y','it''s','open,\"q;\"\"\",[b;],`c`,-- c;\n,/* ; */,/*,*/,--,;,;;,\n,\r\n,\t, ,?,?12,:n,@n,$n,(,),.,+,1.5e3,x'00',\uFEFF,\u0000,\ud800".split(
    ",",
  ),
);
const sqlText = fc.oneof(
  fc.array(pieces, { maxLength: 40 }).map((list) => list.join("")),
  fc.string({ unit: "binary" }),
);

test("tokens joined are the text", () => {
  fc.assert(
    fc.property(sqlText, (sql) => {
      const tokens = tokenize(sql);
      expect(tokens.map((token) => token.text).join("")).toBe(sql);
      for (const token of tokens) expect(sql.startsWith(token.text, token.offset)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test("splitting loses no token, and lines are true", () => {
  fc.assert(
    fc.property(sqlText, (sql) => {
      const statements = splitStatements(sql);
      let end = 0;
      for (const statement of statements) {
        const between = sql.slice(end, statement.offset);
        expect(tokenize(between).filter((token) => isSignificant(token) && token.text !== ";")).toEqual([]);
        expect(sql.slice(statement.offset, statement.offset + statement.sql.length)).toBe(statement.sql);
        expect(statement.line).toBe(sql.slice(0, statement.offset).split("\n").length);
        end = statement.offset + statement.sql.length;
      }
      expect(tokenize(sql.slice(end)).filter((token) => isSignificant(token) && token.text !== ";")).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});
