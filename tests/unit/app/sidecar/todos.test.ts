import { expect, test } from "vitest";
import {
  addTodo,
  countTodos,
  deleteTodo,
  findTodo,
  listTodos,
  renameTodo,
  restoreTodo,
  setDone,
} from "../../../../app/sidecar/todos.ts";
import { WHOLE_VIEW } from "../../../../app/sidecar/view.ts";
import { HOSTILE_TITLES } from "../hostile-titles.ts";
import { memoryStore } from "../memory-store.ts";
import { testId } from "../test-app.ts";

function storeWith(...titles: readonly string[]) {
  const store = memoryStore();
  titles.forEach((title, index) => addTodo(store, testId(index), title, 1000 + index));
  return store;
}
const titlesOf = (todos: readonly { readonly title: string }[]): readonly string[] => todos.map(({ title }) => title);

test("a new user meets three open todos and one done", () => {
  const listing = listTodos(memoryStore({ withWelcome: true }), WHOLE_VIEW);
  expect(listing.total).toEqual({ open: 3, done: 1 });
  expect(listing.open[0]?.title).toBe("Press N and write down the next thing");
});

test("open todos come newest first, done ones last ticked first", () => {
  const store = storeWith("a", "b", "c", "d");
  setDone(store, testId(3), true, 2000);
  setDone(store, testId(0), true, 3000);
  const { open, done } = listTodos(store, WHOLE_VIEW);
  expect(titlesOf(open)).toEqual(["c", "b"]);
  expect(titlesOf(done)).toEqual(["a", "d"]);
});

test("every change can be sent twice", () => {
  const store = storeWith("a", "b");
  expect(addTodo(store, testId(0), "a", 1)).toBe(false);
  setDone(store, testId(0), true, 2000);
  setDone(store, testId(1), true, 3000);
  expect(setDone(store, testId(0), true, 4000)).toMatchObject({ isDone: true });
  expect(titlesOf(listTodos(store, WHOLE_VIEW).done)).toEqual(["b", "a"]);
  expect(deleteTodo(store, testId(0), 5000)).toMatchObject({ title: "a" });
  expect(deleteTodo(store, testId(0), 6000)).toMatchObject({ title: "a" });
  expect(restoreTodo(store, testId(0), 7000)).toMatchObject({ title: "a", isDone: true });
  expect(restoreTodo(store, testId(0), 8000)).toMatchObject({ title: "a", isDone: true });
  expect(countTodos(store, "")).toEqual({ open: 0, done: 2 });
});

test("a deleted todo keeps its row and comes back to its place", () => {
  const store = storeWith("a", "b", "c");
  deleteTodo(store, testId(1), 2000);
  expect(findTodo(store, testId(1))).toBeUndefined();
  expect(setDone(store, testId(1), true, 2001)).toBeUndefined();
  expect(renameTodo(store, testId(1), "x", 2002)).toBeUndefined();
  expect(store.get("SELECT title, is_deleted FROM todos WHERE id = ?", testId(1))).toMatchObject({
    title: "b",
    is_deleted: 1,
  });
  restoreTodo(store, testId(1), 3000);
  expect(titlesOf(listTodos(store, WHOLE_VIEW).open)).toEqual(["c", "b", "a"]);
});

test("what never was is undefined", () => {
  const store = memoryStore();
  expect(findTodo(store, testId(9))).toBeUndefined();
  expect(deleteTodo(store, testId(9), 1)).toBeUndefined();
  expect(restoreTodo(store, testId(9), 1)).toBeUndefined();
});

test.each(HOSTILE_TITLES)("is stored and found as it was written: %s", (title) => {
  const store = storeWith(title, "something else");
  expect(findTodo(store, testId(0))?.title).toBe(title);
  const found = listTodos(store, { ...WHOLE_VIEW, query: title.slice(0, 60).toWellFormed() });
  expect(titlesOf(found.open)).toContain(title);
});

test("search wants every word, in any order, without case, accents or wildcards", () => {
  const store = storeWith("Buy Crème fraîche", "Buy bread", "100% done", "10 percent");
  const search = (query: string) => titlesOf(listTodos(store, { ...WHOLE_VIEW, query }).open);
  expect(search("FRAICHE buy")).toEqual(["Buy Crème fraîche"]);
  expect(search("buy")).toEqual(["Buy bread", "Buy Crème fraîche"]);
  expect(search("0%")).toEqual(["100% done"]);
  expect(search("_")).toEqual([]);
});

test("renaming keeps the search and the place", () => {
  const store = storeWith("old", "other");
  renameTodo(store, testId(0), "Neu", 5000);
  expect(titlesOf(listTodos(store, { ...WHOLE_VIEW, query: "neu" }).open)).toEqual(["Neu"]);
  expect(titlesOf(listTodos(store, WHOLE_VIEW).open)).toEqual(["other", "Neu"]);
});

test("a view shows one kind, and at most its limit, and counts all", () => {
  const store = storeWith("a", "b", "c");
  setDone(store, testId(0), true, 2000);
  expect(listTodos(store, { ...WHOLE_VIEW, show: "done" })).toMatchObject({ open: [], found: { open: 2, done: 1 } });
  const cut = listTodos(store, { query: "", show: "open", limit: 1 });
  expect(titlesOf(cut.open)).toEqual(["c"]);
  expect(cut.found.open).toBe(2);
});
