/**
 * `Store` on libSQL. It keeps statements prepared, and makes up for what the
 * driver lets through silently: a missing value would be the one of the call
 * before, a surplus one and a second statement would be ignored, a large
 * integer rounded, text cut at a NUL. What it cannot make up for: SQL that
 * turns bytes which are not UTF-8 into text (`CAST(x'FF' AS TEXT)`) ends the
 * process when that text is read.
 */
import type Database from "libsql";
import { closeConnection } from "./connection.ts";
import type { Connection } from "./driver.ts";
import { explained, explainFault } from "./faults.ts";
import { splitStatements } from "./statements.ts";
import type { SqlValue, Store } from "./store.ts";

interface Prepared {
  readonly statement: Database.Statement;
  readonly parameters: number;
  readonly returnsRows: boolean;
}

/** More texts than an app has; it bounds what SQL with values pasted in can cost. */
const MAX_PREPARED = 256;

/** The store on an open connection; `path` is for messages. Misuse throws plain errors, as bugs do. */
export function createStore(connection: Connection, path: string): Store {
  const prepared = new Map<string, Prepared>();
  let isOpen = true;

  const prepare = (sql: string, values: readonly SqlValue[]): Prepared => {
    if (!isOpen) throw new Error("the database is closed");
    let found = prepared.get(sql);
    if (found === undefined) {
      found = compile(connection, sql);
      const oldest = prepared.keys().next();
      if (prepared.size >= MAX_PREPARED && !oldest.done) prepared.delete(oldest.value);
      prepared.set(sql, found);
    }
    if (values.length !== found.parameters) {
      throw new Error(`${values.length} values for ${found.parameters} parameters: ${sql}`);
    }
    return found;
  };
  const all = (sql: string, values: readonly SqlValue[]): readonly Record<string, unknown>[] =>
    explained(path, () => prepare(sql, values).statement.all(values.map(toDriver)).map(fromDriver));

  return {
    all: (sql, ...values) => all(sql, values),
    get: (sql, ...values) => all(sql, values)[0],
    run: (sql, ...values) =>
      explained(path, () => {
        const { statement, returnsRows } = prepare(sql, values);
        if (returnsRows) throw new Error(`this statement returns rows, use get or all: ${sql}`);
        return { changes: statement.run(values.map(toDriver)).changes };
      }),
    transaction: (work) => {
      if (!isOpen) throw new Error("the database is closed");
      if (connection.inTransaction) throw new Error("a transaction is already open; call this inside it directly");
      try {
        connection.exec("BEGIN IMMEDIATE");
        const result = work();
        if (isThenable(result)) throw new Error("a transaction's work must be synchronous");
        connection.exec("COMMIT");
        return result;
      } catch (error) {
        // A full disk and some conflicts have rolled back by themselves.
        if (connection.inTransaction) connection.exec("ROLLBACK");
        throw explainFault(error, path);
      }
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      prepared.clear();
      closeConnection(connection);
    },
  };
}

function compile(connection: Connection, sql: string): Prepared {
  const [only, ...more] = splitStatements(sql);
  if (only === undefined || more.length > 0)
    throw new Error(`one statement expected, ${more.length + (only ? 1 : 0)} found: ${sql}`);
  let parameters = 0;
  for (const { kind, text } of only.tokens) {
    if (kind !== "parameter") continue;
    if (!text.startsWith("?")) throw new Error(`values are given by position, write ? instead of ${text}: ${sql}`);
    parameters = text === "?" ? parameters + 1 : Math.max(parameters, Number(text.slice(1)));
  }
  const statement = connection.prepare(sql);
  statement.safeIntegers(true);
  return { statement, parameters, returnsRows: statement.reader };
}

function toDriver(value: SqlValue): SqlValue {
  switch (typeof value) {
    case "string":
      if (value.includes("\0")) throw new Error("text with a NUL character cannot be stored; use a Uint8Array");
      // Node stores a lone surrogate as U+FFFD, Bun as nothing at all.
      return value.toWellFormed();
    case "number":
      // SQLite would store NULL.
      if (Number.isNaN(value)) throw new Error("NaN cannot be stored; use null");
      // The driver passes every number as a float: 1 would be stored as 1.0 in a column without a type.
      return Number.isSafeInteger(value) ? BigInt(value) : value;
    case "bigint":
      if (BigInt.asIntN(64, value) !== value) throw new Error(`${value} does not fit in 64 bits`);
      return value;
    case "object":
      // The driver ends the process on some other objects.
      if (value === null || value instanceof Uint8Array) return value;
      break;
    default:
      break;
  }
  throw new Error(`${typeof value} cannot be stored; use text, a number, a Uint8Array or null`);
}

/** In place: the row is the driver's and nobody else's. */
function fromDriver(row: unknown): Record<string, unknown> {
  const values = row as Record<string, unknown>;
  for (const name in values) {
    const value = values[name];
    if (typeof value === "bigint") {
      const number = Number(value);
      if (Number.isSafeInteger(number)) values[name] = number;
    } else if (value instanceof ArrayBuffer) {
      values[name] = new Uint8Array(value);
    }
  }
  return values;
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value;
}
