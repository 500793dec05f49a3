/** The interface in a real browser: pointer, keyboard, policy, escaping, loss of the sidecar. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { addTodo, listTodos } from "../../../app/sidecar/todos.ts";
import { WHOLE_VIEW } from "../../../app/sidecar/view.ts";
import { HOSTILE_TITLES } from "../../unit/app/hostile-titles.ts";
import { memoryStore } from "../../unit/app/memory-store.ts";
import { testId } from "../../unit/app/test-app.ts";
import { CHROMIUM, hasChromium, openPage, startChromium, type WatchedPage } from "./chromium.ts";
import { type RunningApp, startApp } from "./running-app.ts";

/** A 422 is an answer that the test asked for; Chromium reports it as a failed load. */
const EXPECTED = /status of 422/;

describe.skipIf(!hasChromium)(`in Chromium (${CHROMIUM})`, () => {
  let browser: Browser;
  let app: RunningApp;

  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    await app.stop();
    for (const context of browser.contexts()) await context.close();
  });

  async function open(...titles: readonly string[]): Promise<WatchedPage> {
    const store = memoryStore();
    titles.forEach((title, index) => addTodo(store, testId(index), title, 1000 + index));
    app = await startApp(store);
    return openPage(browser, app.url);
  }
  const openTitles = (): readonly string[] => listTodos(app.store, WHOLE_VIEW).open.map(({ title }) => title);
  const rows = (page: Page) => page.locator("#list-open .title").allTextContents();
  const eventually = (read: () => unknown) => expect.poll(read, { timeout: 20_000, interval: 25 });
  const focused = (page: Page) => page.evaluate(() => document.activeElement?.id ?? "");
  const unexpected = ({ complaints }: WatchedPage) => complaints.filter((text) => !EXPECTED.test(text));

  test("add, tick, edit, delete and undo with the pointer, without a word from the policy", async () => {
    const watched = await open("Walk", "Read");
    const { page } = watched;
    await page.getByLabel("New todo").fill("Milk");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await eventually(() => rows(page)).toEqual(["Milk", "Read", "Walk"]);
    await eventually(() => page.title()).toBe("3 open · ERTH Assistant");
    expect(await page.locator("#count").textContent()).toBe("3 open");
    expect(await page.getByLabel("New todo").inputValue()).toBe("");

    await page.getByRole("checkbox", { name: "Read" }).click();
    await eventually(() => page.locator("#list-done .title").allTextContents()).toEqual(["Read"]);
    expect(await page.getByRole("checkbox", { name: "Read" }).getAttribute("aria-checked")).toBe("true");
    await page.getByRole("checkbox", { name: "Read" }).click();
    await eventually(() => rows(page)).toEqual(["Milk", "Read", "Walk"]);

    await page.getByText("Walk").dblclick();
    await page.getByLabel("Title", { exact: true }).fill("Walk to the lake");
    // Leaving the field saves.
    await page.getByRole("heading", { name: "Todos" }).click();
    await eventually(() => rows(page)).toEqual(["Milk", "Read", "Walk to the lake"]);

    await page.getByText("Read").dblclick();
    await page.getByLabel("Title", { exact: true }).fill("never");
    await page.getByRole("button", { name: "Cancel" }).click();
    await eventually(() => rows(page)).toEqual(["Milk", "Read", "Walk to the lake"]);
    expect(openTitles()).toContain("Read");

    await page.getByText("Read").hover();
    await page
      .locator(`#todo-${testId(1)}`)
      .getByRole("button", { name: "Delete" })
      .click();
    await eventually(() => rows(page)).toEqual(["Milk", "Walk to the lake"]);
    await page.getByRole("button", { name: "Undo" }).click();
    await eventually(() => rows(page)).toEqual(["Milk", "Read", "Walk to the lake"]);
    expect(unexpected(watched)).toEqual([]);
  });

  test("everything with the keyboard alone", async () => {
    const watched = await open("Walk", "Read", "Cook");
    const { page } = watched;
    const { keyboard } = page;
    await eventually(() => focused(page)).toBe("new-title");
    await keyboard.type("Nap");
    await keyboard.press("Enter");
    await eventually(() => rows(page)).toEqual(["Nap", "Cook", "Read", "Walk"]);
    await eventually(() => focused(page)).toBe("new-title");

    // The shortcuts of a row stay letters in a field.
    await keyboard.type("e/n");
    expect(await page.getByLabel("New todo").inputValue()).toBe("e/n");
    await keyboard.press("Escape");
    expect(await page.getByLabel("New todo").inputValue()).toBe("");

    await keyboard.press("ArrowDown");
    await keyboard.press("ArrowDown");
    expect(await focused(page)).toBe(`box-${testId(2)}`);
    await keyboard.press("e");
    await eventually(() => focused(page)).toBe(`edit-${testId(2)}`);
    await keyboard.type(" soup");
    await keyboard.press("Enter");
    await eventually(() => rows(page)).toEqual(["Nap", "Cook soup", "Read", "Walk"]);
    await eventually(() => focused(page)).toBe(`box-${testId(2)}`);

    await keyboard.press("Enter");
    await eventually(() => focused(page)).toBe(`edit-${testId(2)}`);
    await keyboard.type(" and more");
    await keyboard.press("Escape");
    await eventually(() => focused(page)).toBe(`box-${testId(2)}`);
    expect(openTitles()).toContain("Cook soup");

    await keyboard.press(" ");
    await eventually(() => page.locator("#list-done .title").allTextContents()).toEqual(["Cook soup"]);
    await eventually(() => focused(page)).toBe(`box-${testId(2)}`);
    await keyboard.press(" ");
    await eventually(() => rows(page)).toEqual(["Nap", "Cook soup", "Read", "Walk"]);

    await keyboard.press("Delete");
    await eventually(() => rows(page)).toEqual(["Nap", "Read", "Walk"]);
    await eventually(() => focused(page)).toBe(`box-${testId(1)}`);
    await keyboard.press("Control+z");
    await eventually(() => rows(page)).toEqual(["Nap", "Cook soup", "Read", "Walk"]);

    await keyboard.press("n");
    await eventually(() => focused(page)).toBe("new-title");
    await keyboard.press("Control+f");
    await eventually(() => focused(page)).toBe("query");
    expect(unexpected(watched)).toEqual([]);
  });

  test("search waits for the last key, stays in the address, and Escape clears it", async () => {
    const watched = await open("Crème brûlée", "Bread", "Cream cheese");
    const { page } = watched;
    const asked: string[] = [];
    page.on("request", (request) => {
      const { search } = new URL(request.url());
      if (search !== "") asked.push(search);
    });
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    // The page's clock stands still, so that a slow machine types as fast as any.
    await page.clock.install();
    await page.clock.pauseAt(Date.now() + 60_000);
    for (const letter of "creme") {
      await page.keyboard.press(letter);
      await page.clock.runFor(150);
    }
    expect(asked).toEqual([]);
    await page.clock.resume();
    await eventually(() => rows(page)).toEqual(["Crème brûlée"]);
    expect(asked).toEqual(["?q=creme&show=all"]);
    expect(new URL(page.url()).search).toBe("?q=creme");
    await page.getByRole("checkbox").first().click();
    await eventually(() => rows(page)).toEqual([]);
    await page.keyboard.press("/");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("zebra");
    await page.getByRole("heading", { name: "Nothing found" }).waitFor();
    await page.keyboard.press("Escape");
    await eventually(() => rows(page)).toEqual(["Cream cheese", "Bread"]);
    expect(new URL(page.url()).search).toBe("");
    await page.getByRole("link", { name: "Done 1" }).click();
    await eventually(() => page.locator(".title").allTextContents()).toEqual(["Crème brûlée"]);
    await page.reload();
    expect(await page.locator(".title").allTextContents()).toEqual(["Crème brûlée"]);
    expect(unexpected(watched)).toEqual([]);
  });

  test("a title that cannot be saved keeps what was typed, with the reason", async () => {
    const watched = await open("Walk");
    const { page } = watched;
    const long = "y".repeat(501);
    await page.getByLabel("New todo").fill(long);
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "501 characters" }).waitFor();
    expect(await page.getByLabel("New todo").inputValue()).toBe(long);
    expect(await focused(page)).toBe("new-title");

    await page.getByText("Walk").dblclick();
    await page.getByLabel("Title", { exact: true }).fill(" ");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "Write a few words" }).waitFor();
    await page.getByRole("heading", { name: "Todos" }).click();
    await eventually(() => rows(page)).toEqual(["Walk"]);
    expect(unexpected(watched)).toEqual([]);
  });

  test("hostile titles stay text: in rows, editor, notice and search", async () => {
    const watched = await open(...HOSTILE_TITLES);
    const { page } = watched;
    expect(await rows(page)).toEqual(HOSTILE_TITLES.toReversed());
    const scripts = await page.locator("script, img, svg[onload], b, h1").count();
    for (const [index, title] of HOSTILE_TITLES.entries()) {
      const row = page.locator(`#todo-${testId(index)}`);
      await row.getByRole("checkbox").focus();
      await page.keyboard.press("e");
      await page.locator(`#edit-${testId(index)}`).waitFor();
      expect(await page.getByLabel("Title", { exact: true }).inputValue()).toBe(title);
      await page.keyboard.press("Enter");
      await row.getByRole("checkbox").waitFor();
    }
    expect(openTitles()).toEqual(HOSTILE_TITLES.map((title) => title.normalize("NFC")).toReversed());
    await page.locator(`#box-${testId(0)}`).focus();
    await page.keyboard.press("Delete");
    await eventually(() => page.locator("#notices bdi").textContent()).toBe(HOSTILE_TITLES[0]);
    await page.getByRole("searchbox").fill(`zz ${HOSTILE_TITLES[0]}`);
    await eventually(() => page.locator(".empty bdi").textContent()).toBe(`zz ${HOSTILE_TITLES[0]}`);
    expect(await page.locator("script, img, svg[onload], b, h1").count()).toBe(scripts);
    expect(unexpected(watched)).toEqual([]);
  });

  test("smuggled elements stay dead: no nonce, no request; no policy, no HTML", async () => {
    const { page, complaints } = await open("Walk");
    const result = await page.evaluate(() => {
      const smuggled = document.createElement("button");
      smuggled.setAttribute("hx-delete", "/todos/x");
      smuggled.id = "smuggled";
      document.body.append(smuggled);
      Reflect.get(globalThis, "htmx").process(smuggled);
      try {
        smuggled.innerHTML = "<b>x</b>";
        return "HTML was taken";
      } catch (error) {
        return error instanceof TypeError ? "refused" : "another error";
      }
    });
    expect(result).toBe("refused");
    expect(await page.locator("#smuggled").getAttribute("hx-delete")).toBeNull();
    expect(complaints.join("\n")).toContain("no hx-nonce attribute");
  });

  test("a sidecar that is gone is announced at once, and what was typed stays", async () => {
    const { page } = await open("Walk");
    await page.getByLabel("New todo").fill("Milk");
    await app.stop();
    expect(await page.getByText("Reconnecting…").isVisible()).toBe(false);
    await page.keyboard.press("Enter");
    await page.getByText("Reconnecting…").waitFor();
    expect(await page.getByLabel("New todo").inputValue()).toBe("Milk");
  });
});
