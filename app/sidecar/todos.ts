/**
 * Todos in the database: each function is one question or one change, and
 * every change can be repeated without harm. Table: `migrations/0001-todos.sql`.
 */
import type { SqlValue, Store } from "../../runtime/database/store.ts";
import { foldForSearch } from "./title.ts";
import type { View } from "./view.ts";

export interface Todo {
  /** UUIDv7. */
  readonly id: string;
  readonly title: string;
  readonly isDone: boolean;
}

/** What the page shows of the list. */
export interface Listing {
  readonly view: View;
  /** Newest first; empty when the view shows only what is done. */
  readonly open: readonly Todo[];
  /** Last ticked first; empty when the view shows only what is open. */
  readonly done: readonly Todo[];
  /** Todos that match the search, whatever the filter. */
  readonly found: Counts;
  /** All todos that are not deleted. */
  readonly total: Counts;
}

export interface Counts {
  readonly open: number;
  readonly done: number;
}

const COLUMNS = "id, title, completed_at_ms";
const OPEN = "completed_at_ms IS NULL ORDER BY created_at_ms DESC, id DESC";
const DONE = "completed_at_ms IS NOT NULL ORDER BY completed_at_ms DESC, id DESC";
const LARGEST_WORD_COUNT = 8;

function todoOf(row: Readonly<Record<string, unknown>>): Todo {
  const { id, title, completed_at_ms: completedAtMs } = row;
  if (typeof id !== "string" || typeof title !== "string") throw new TypeError("a row of todos without id or title");
  return { id, title, isDone: completedAtMs !== null };
}

/** Every word of the query has to occur, in any order. */
function searchClause(query: string): { readonly sql: string; readonly words: readonly SqlValue[] } {
  const words = foldForSearch(query)
    .split(/\s+/)
    .filter((word) => word !== "")
    .slice(0, LARGEST_WORD_COUNT);
  return { sql: words.map(() => " AND instr(search_text, ?) > 0").join(""), words };
}

/** How many todos match the query; an empty query matches all. */
export function countTodos(store: Store, query: string): Counts {
  const { sql, words } = searchClause(query);
  const row = store.get(
    `SELECT count(*) AS found, count(completed_at_ms) AS done FROM todos WHERE is_deleted = 0${sql}`,
    ...words,
  );
  const done = Number(row?.["done"] ?? 0);
  return { open: Number(row?.["found"] ?? 0) - done, done };
}

/** The rows and counts of a view. */
export function listTodos(store: Store, view: View): Listing {
  const { sql, words } = searchClause(view.query);
  const rows = (which: typeof OPEN | typeof DONE): readonly Todo[] =>
    store
      .all(`SELECT ${COLUMNS} FROM todos WHERE is_deleted = 0${sql} AND ${which} LIMIT ?`, ...words, view.limit)
      .map(todoOf);
  const total = countTodos(store, "");
  return {
    view,
    open: view.show === "done" ? [] : rows(OPEN),
    done: view.show === "open" ? [] : rows(DONE),
    found: words.length === 0 ? total : countTodos(store, view.query),
    total,
  };
}

/** The todo, or undefined if there is none or it was deleted. */
export function findTodo(store: Store, id: string): Todo | undefined {
  const row = store.get(`SELECT ${COLUMNS} FROM todos WHERE id = ? AND is_deleted = 0`, id);
  return row === undefined ? undefined : todoOf(row);
}

/** Adds a todo; false if the key is taken, which a repeated request makes so. */
export function addTodo(store: Store, id: string, title: string, nowMs: number): boolean {
  const { changes } = store.run(
    "INSERT INTO todos (id, title, search_text, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    id,
    title,
    foldForSearch(title),
    nowMs,
    nowMs,
  );
  return changes > 0;
}

/** Ticks or unticks; the todo as it is now, or undefined if it is gone. */
export function setDone(store: Store, id: string, isDone: boolean, nowMs: number): Todo | undefined {
  // Only a real change moves the times: a repeated request leaves the order of the list alone.
  store.run(
    "UPDATE todos SET completed_at_ms = ?, updated_at_ms = ? WHERE id = ? AND is_deleted = 0 AND (completed_at_ms IS NULL) = ?",
    isDone ? nowMs : null,
    nowMs,
    id,
    isDone ? 1 : 0,
  );
  return findTodo(store, id);
}

/** Changes the title; the todo as it is now, or undefined if it is gone. */
export function renameTodo(store: Store, id: string, title: string, nowMs: number): Todo | undefined {
  store.run(
    "UPDATE todos SET title = ?, search_text = ?, updated_at_ms = ? WHERE id = ? AND is_deleted = 0 AND title <> ?",
    title,
    foldForSearch(title),
    nowMs,
    id,
    title,
  );
  return findTodo(store, id);
}

/** Marks as deleted and gives the todo back for the notice, also when it was deleted before; undefined if it never was. */
export function deleteTodo(store: Store, id: string, nowMs: number): Todo | undefined {
  return setDeleted(store, id, 1, nowMs);
}

/** Takes a deletion back; the todo as it is now, or undefined if it never was. */
export function restoreTodo(store: Store, id: string, nowMs: number): Todo | undefined {
  return setDeleted(store, id, 0, nowMs);
}

function setDeleted(store: Store, id: string, value: 0 | 1, nowMs: number): Todo | undefined {
  store.run(
    "UPDATE todos SET is_deleted = ?, updated_at_ms = ? WHERE id = ? AND is_deleted <> ?",
    value,
    nowMs,
    id,
    value,
  );
  const row = store.get(`SELECT ${COLUMNS} FROM todos WHERE id = ?`, id);
  return row === undefined ? undefined : todoOf(row);
}
