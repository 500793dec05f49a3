import { describe, expect, test } from "vitest";
import { addTodo, findTodo, listTodos } from "../../../../app/sidecar/todos.ts";
import { WHOLE_VIEW } from "../../../../app/sidecar/view.ts";
import { assets, testApp, testId } from "../test-app.ts";

const PAGE = { "HX-Current-URL": "http://127.0.0.1/" };
const on = (address: string) => ({ "HX-Current-URL": `http://127.0.0.1${address}` });

function appWith(...titles: readonly string[]) {
  const app = testApp();
  titles.forEach((title, index) => addTodo(app.store, testId(index), title, index));
  return app;
}

describe("the page", () => {
  test("is a whole document for a browser and a board for htmx", async () => {
    const { server, send } = appWith("a");
    const whole = await (await server.request("/")).text();
    expect(whole).toMatch(/^<!doctype html><html lang="en">/);
    expect(whole).toContain("<title>1 open · ERTH Assistant</title>");
    const part = await (await send("GET", "/")).text();
    expect(part).toMatch(/^<section id="board"/);
    expect(part).toContain('<span hx-swap-oob="textContent:#count">1 open</span>');
  });

  test("is whole again when htmx restores history", async () => {
    const { send } = appWith();
    const response = await send("GET", "/", {}, { "HX-Request-Type": "full" });
    expect(await response.text()).toMatch(/^<!doctype html>/);
    expect(response.headers.get("Vary")).toContain("HX-Request");
  });

  test("shows the view of its address and says so in the filter", async () => {
    const { server } = appWith("milk", "bread");
    const text = await (await server.request("/?q=milk&show=open")).text();
    expect(text).toContain("milk</span>");
    expect(text).not.toContain("bread</span>");
    expect(text).toMatch(/id="show-open"[^>]*aria-current="page"/);
    expect(text).toMatch(/id="query"[^>]*value="milk"/);
  });

  test.each([
    ["/", "A clear horizon"],
    ["/?q=zebra", "Nothing found"],
  ])("says why it is empty: %s", async (address, title) => {
    expect(await (await appWith().server.request(address)).text()).toContain(`<h2>${title}</h2>`);
  });

  test("tells an all-done list from a never-done one", async () => {
    const { server, send } = appWith("a");
    expect(await (await server.request("/?show=done")).text()).toContain("Nothing done yet");
    await send("PUT", `/todos/${testId(0)}/done`, { done: "true" });
    expect(await (await server.request("/?show=open")).text()).toContain("<h2>All done</h2>");
  });

  test("cuts a long list and offers the rest", async () => {
    const { server } = appWith(...Array.from({ length: 101 }, (_, index) => `n${index}`));
    const first = await (await server.request("/")).text();
    expect(first.match(/<li /g)).toHaveLength(100);
    expect(first).toContain('href="/?limit=200"');
    const all = await (await server.request("/?limit=200")).text();
    expect(all.match(/<li /g)).toHaveLength(101);
    expect(all).not.toContain("Show more");
  });
});

describe("changes", () => {
  test("adding answers 201 with the board, a fresh form and the counter", async () => {
    const { send, store } = appWith();
    const response = await send("POST", "/todos", { key: testId(1), title: " Milk\n" });
    const text = await response.text();
    expect(response.status).toBe(201);
    expect(findTodo(store, testId(1))?.title).toBe("Milk");
    expect(text).toContain(">Milk</span>");
    expect(text).toMatch(/<form id="add"[^>]*hx-swap-oob="true"/);
    expect(text).not.toContain(`name="key" value="${testId(1)}"`);
    expect(text).toContain("<title>1 open · ERTH Assistant</title>");
  });

  test("adding twice with the same form makes one todo", async () => {
    const { send, store } = appWith();
    await send("POST", "/todos", { key: testId(1), title: "Milk" });
    await send("POST", "/todos", { key: testId(1), title: "Milk" });
    expect(listTodos(store, WHOLE_VIEW).total.open).toBe(1);
  });

  test("a form from an old page never changes the todo it once made", async () => {
    const { send, store } = appWith();
    await send("POST", "/todos", { key: testId(1), title: "Milk" });
    await send("POST", "/todos", { key: testId(1), title: "Bread" });
    expect(listTodos(store, WHOLE_VIEW).open.map(({ title }) => title)).toEqual(["Bread", "Milk"]);
  });

  test("a key that is no UUIDv7 is replaced", async () => {
    const { send, store } = appWith();
    await send("POST", "/todos", { key: `x" onclick="y`, title: "Milk" });
    expect(listTodos(store, WHOLE_VIEW).open[0]?.id).toMatch(/^[0-9a-f-]{14}7/);
  });

  test("adding under a search or under Done shows what was added", async () => {
    const { send } = appWith("bread");
    const response = await send("POST", "/todos", { title: "Milk" }, on("/?q=bread&show=done"));
    const text = await response.text();
    expect(text).toContain(">Milk</span>");
    expect(response.headers.get("HX-Replace-Url")).toBe("/");
    expect(text).toMatch(/<form id="search"[^>]*hx-swap-oob="true"/);
  });

  test("without htmx, adding leads back to the page", async () => {
    const { server, store } = appWith();
    const response = await server.request("/todos", { method: "POST", body: new URLSearchParams({ title: "Milk" }) });
    expect([response.status, response.headers.get("Location")]).toEqual([303, "/"]);
    expect(listTodos(store, WHOLE_VIEW).total.open).toBe(1);
  });

  test("ticking says which state is wanted, so twice is once", async () => {
    const { send, store } = appWith("a");
    for (let time = 0; time < 2; time += 1) {
      const response = await send("PUT", `/todos/${testId(0)}/done`, { done: "true" });
      expect(response.status).toBe(200);
      expect(await response.text()).toMatch(/aria-checked="true"[^>]*autofocus/);
    }
    expect(findTodo(store, testId(0))?.isDone).toBe(true);
    await send("PUT", `/todos/${testId(0)}/done`, { done: "false" });
    expect(findTodo(store, testId(0))?.isDone).toBe(false);
  });

  test("ticking under Open moves the focus to the neighbour", async () => {
    const { send } = appWith("a", "b", "c");
    const text = await (await send("PUT", `/todos/${testId(1)}/done`, { done: "true" }, on("/?show=open"))).text();
    expect(text).not.toContain(`todo-${testId(1)}`);
    expect(text).toMatch(new RegExp(`id="box-${testId(0)}"[^>]*autofocus`));
  });

  test("renaming with Enter keeps the focus, leaving the field does not take it", async () => {
    const { send, store } = appWith("a");
    const entered = await (await send("PUT", `/todos/${testId(0)}`, { title: "b", by: "enter" })).text();
    expect(entered).toMatch(/id="box-[^>]*autofocus/);
    const left = await (await send("PUT", `/todos/${testId(0)}`, { title: "c" })).text();
    expect(left).not.toContain("autofocus");
    expect(findTodo(store, testId(0))?.title).toBe("c");
  });

  test("deleting offers Undo, and Undo brings the todo back", async () => {
    const { send, store } = appWith("a", "b");
    const deleted = await (await send("DELETE", `/todos/${testId(0)}`)).text();
    expect(deleted).toContain(`hx-put="/todos/${testId(0)}/restore"`);
    expect(deleted).toMatch(new RegExp(`id="box-${testId(1)}"[^>]*autofocus`));
    expect(findTodo(store, testId(0))).toBeUndefined();
    const restored = await (await send("PUT", `/todos/${testId(0)}/restore`)).text();
    expect(restored).toContain("Restored");
    expect(findTodo(store, testId(0))?.title).toBe("a");
  });

  test("the board after a change keeps search and filter", async () => {
    const { send } = appWith("milk", "milkshake", "bread");
    const text = await (
      await send("PUT", `/todos/${testId(0)}/done`, { done: "true" }, on("/?q=milk&show=open"))
    ).text();
    expect(text).toContain("milkshake");
    expect(text).not.toContain("bread");
    expect(text).toContain('name="show" value="open"');
  });
});

describe("bad input", () => {
  test.each([
    ["nothing", "", "Write a few words first."],
    ["too much", "y".repeat(501), "That is 501 characters"],
  ])("adding %s is a 422 that keeps what was typed", async (_name, title, problem) => {
    const { send, store } = appWith();
    const response = await send("POST", "/todos", { key: testId(1), title });
    const text = await response.text();
    expect(response.status).toBe(422);
    expect(text).toMatch(/^<form id="add"[^>]*hx-swap-oob="true"/);
    expect(text).toContain(problem);
    expect(text).toContain(`name="title" value="${title}"`);
    expect(text).toContain('aria-invalid="true"');
    expect(listTodos(store, WHOLE_VIEW).total.open).toBe(0);
  });

  test("renaming to too much goes back into the row's editor", async () => {
    const { send, store } = appWith("a");
    const response = await send("PUT", `/todos/${testId(0)}`, { title: "y".repeat(501), by: "enter" });
    expect(response.status).toBe(422);
    expect(response.headers.get("HX-Retarget")).toBe(`#todo-${testId(0)}`);
    expect(await response.text()).toContain('role="alert"');
    expect(findTodo(store, testId(0))?.title).toBe("a");
  });

  test("leaving an emptied editor changes nothing and lets go", async () => {
    const { send, store } = appWith("a");
    const response = await send("PUT", `/todos/${testId(0)}`, { title: " " });
    expect(response.status).toBe(200);
    expect(findTodo(store, testId(0))?.title).toBe("a");
    expect((await send("PUT", `/todos/${testId(0)}`, { title: " ", by: "enter" })).status).toBe(422);
  });

  test.each([
    ["GET", ""],
    ["GET", "/edit"],
    ["PUT", ""],
    ["PUT", "/done"],
    ["PUT", "/restore"],
    ["DELETE", ""],
  ])("a todo that is gone: %s %s is a 404 with the board as it is", async (method, rest) => {
    const { send } = appWith("a");
    const response = await send(method, `/todos/${testId(99)}${rest}`, { title: "x", done: "true" });
    const text = await response.text();
    expect(response.status).toBe(404);
    expect(text).toContain('<section id="board"');
    expect(text).toContain("That todo is not there any more.");
    if (method === "GET") expect(response.headers.get("HX-Retarget")).toBe("#board");
  });

  test("a body that cannot be read, or says no state, is a 400", async () => {
    const { server, send } = appWith("a");
    const broken = await server.request("/todos", {
      method: "POST",
      headers: { "Content-Type": "multipart/form-data; boundary=x", ...PAGE },
      body: "--x\r\nbroken",
    });
    expect(broken.status).toBe(400);
    expect((await send("PUT", `/todos/${testId(0)}/done`, { done: "maybe" })).status).toBe(400);
  });

  test("a body over 64 KB is a 413", async () => {
    const { send } = appWith();
    const response = await send("POST", "/todos", { title: "y".repeat(70_000) });
    expect(response.status).toBe(413);
    expect(await response.text()).toContain("more text than a todo holds");
  });

  test("an unknown address is a friendly 404", async () => {
    const { server, send } = appWith();
    const page = await server.request("/nowhere");
    expect([page.status, (await page.text()).includes("Back to your todos")]).toEqual([404, true]);
    expect(await (await send("GET", "/nowhere")).text()).toContain('hx-swap-oob="innerHTML:#notices"');
  });

  test("a broken store is a 500 without details, and is reported", async () => {
    const failures: unknown[] = [];
    const { store } = testApp();
    store.close();
    const { server, send } = testApp({ store, onFailure: (error) => failures.push(error) });
    const part = await send("PUT", `/todos/${testId(0)}/done`, { done: "true" });
    const text = await part.text();
    expect(part.status).toBe(500);
    expect(text).toMatch(/^<div hx-swap-oob="innerHTML:#notices">/);
    expect(text).not.toMatch(/database|sqlite/i);
    expect(part.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
    expect((await server.request("/")).status).toBe(500);
    expect(failures).toHaveLength(2);
  });
});

describe("assets", () => {
  test("are served for ever under the name of their digest", async () => {
    const { server } = appWith();
    for (const asset of Object.values(assets)) {
      const response = await server.request(asset.path);
      expect(response.headers.get("Content-Type")).toBe(asset.type);
      expect(response.headers.get("Cache-Control")).toBe("private, max-age=31536000, immutable");
      expect(await response.text()).toBe(asset.text);
    }
    expect((await server.request("/assets/htmx.000000000000.js")).status).toBe(404);
  });
});
