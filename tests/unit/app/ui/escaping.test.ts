import { expect, test } from "vitest";
import { addTodo } from "../../../../app/sidecar/todos.ts";
import { HOSTILE_TITLES } from "../hostile-titles.ts";
import { testApp, testId } from "../test-app.ts";

const ACTING = /<[a-z]+(?=\s)[^>]*\shx-(?:get|post|put|delete)="[^>]*>/g;

/** Every place where the app shows a title or a query. */
async function everyPlace(title: string): Promise<readonly { readonly html: string; readonly nonce: string }[]> {
  const { server, store, send } = testApp();
  addTodo(store, testId(0), title, 0);
  const path = `/todos/${testId(0)}`;
  const responses = [
    await server.request("/"),
    await server.request(`/?${new URLSearchParams({ q: title.toWellFormed() }).toString()}`),
    await server.request(`/?${new URLSearchParams({ q: `zz ${title}`.toWellFormed(), show: "done" }).toString()}`),
    await send("GET", path),
    await send("GET", `${path}/edit`),
    await send("PUT", path, { title: `${title}${"y".repeat(500)}`, by: "enter" }),
    await send("POST", "/todos", { title: `${title}${"y".repeat(500)}` }),
    await send("DELETE", path),
    await send("PUT", `${path}/restore`),
  ];
  return Promise.all(
    responses.map(async (response) => ({
      html: await response.text(),
      nonce: /'nonce-([^']+)'/.exec(response.headers.get("Content-Security-Policy") ?? "")?.[1] ?? "",
    })),
  );
}

/** The names of all elements, in order. */
const elementsOf = (html: string): readonly string[] => html.match(/<\/?[a-zA-Z][\w-]*/g) ?? [];

test.each(HOSTILE_TITLES)("a title adds no element and no attribute: %s", async (title) => {
  const harmless = await everyPlace("harmless".padEnd(Math.min(title.length, 500), "."));
  const places = await everyPlace(title);
  places.forEach(({ html }, index) => {
    expect(elementsOf(html)).toEqual(elementsOf(harmless[index]?.html ?? ""));
    // A quote that ended an attribute would leave another number of them.
    expect(html.split('="').length).toBe(harmless[index]?.html.split('="').length);
  });
});

test("every element that acts carries the nonce of its response", async () => {
  for (const { html, nonce } of await everyPlace("plain")) {
    expect(nonce).not.toBe("");
    const acting = html.match(ACTING) ?? [];
    for (const element of acting) expect(element).toContain(`hx-nonce="${nonce}"`);
  }
  const [page] = await everyPlace("plain");
  expect(page?.html.match(ACTING)?.length).toBeGreaterThan(6);
});

test("nothing is left to evaluate: no inline script, style, handler or htmx expression", async () => {
  for (const { html } of await everyPlace("plain")) {
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|\shx-on|js:|javascript:/);
    for (const script of html.match(/<script[^>]*>[^<]*/g) ?? []) {
      expect(script).toMatch(/^<script src="\/assets\/[\w.-]+" nonce="[^"]+" defer="">$/);
    }
    for (const trigger of html.match(/hx-trigger="[^"]*"/g) ?? []) expect(trigger).not.toContain("[");
  }
});
