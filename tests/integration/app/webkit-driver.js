/**
 * Opens the address given as first argument in a WebKitGTK window (Bun,
 * webview-bun), uses the page as a user would and prints one JSON line: what
 * it saw, and every complaint of the page and its policy.
 */
import { SizeHint, Webview } from "webview-bun";

const webview = new Webview(false, { width: 960, height: 720, hint: SizeHint.NONE });
webview.bind("finish", (report) => {
  console.log(JSON.stringify(report));
  process.exit(0);
});

/** Runs in the page; the shell puts it there past the policy, as WebKit lets a host do. */
const script = () => {
  const complaints = [];
  const seen = {};
  document.addEventListener("securitypolicyviolation", (event) =>
    complaints.push(`policy: ${event.violatedDirective}`),
  );
  window.addEventListener("error", (event) => complaints.push(event.message));
  console.error = (...parts) => complaints.push(parts.map(String).join(" "));

  const rows = () => [...document.querySelectorAll("#list-open .title")].map((title) => title.textContent);
  const focused = () => document.activeElement?.id.replace(/-.*/, "") ?? "";
  const until = async (name, isSo) => {
    for (let waits = 0; !isSo(); waits += 1) {
      if (waits > 3000) throw new Error(`never: ${name}, rows ${JSON.stringify(rows())}, focus ${focused()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    seen[name] = { rows: rows(), focus: focused() };
  };
  const press = (key) =>
    (document.activeElement ?? document.body).dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
    );
  const field = (id) => document.querySelector(`[id^="${id}"]`);

  const use = async () => {
    await until("start", () => focused() === "new" && "_htmx" in (field("new-title")?.form ?? {}));
    const add = field("new-title");
    if (add) add.value = `"><img src=x onerror=alert(1)>`;
    add?.form?.requestSubmit();
    await until("added", () => rows().length === 2 && focused() === "new" && field("new-title")?.value === "");
    press("ArrowDown");
    document.activeElement.click();
    await until("ticked", () => rows().length === 1 && focused() === "box");
    document.activeElement.click();
    await until("unticked", () => rows().length === 2 && focused() === "box");
    press("e");
    await until("editing", () => focused() === "edit");
    const edit = field("edit-");
    if (edit) edit.value = "Edited 😀";
    edit?.form?.requestSubmit(edit.form.querySelector("[name=by]"));
    await until("edited", () => rows()[0] === "Edited 😀" && focused() === "box");
    press("Delete");
    await until("deleted", () => rows().length === 1 && document.querySelector("#notices button") !== null);
    document.querySelector("#notices button")?.click();
    await until("undone", () => rows().length === 2);
    const search = field("query");
    search?.focus();
    if (search) search.value = "walk";
    search?.dispatchEvent(new Event("input", { bubbles: true }));
    await until("found", () => rows().length === 1 && location.search === "?q=walk");
    press("Escape");
    await until("cleared", () => rows().length === 2 && location.search === "");
  };
  const finish = Reflect.get(globalThis, "finish");
  const end = () => {
    seen["title"] = document.title;
    if (typeof finish === "function") finish({ seen, complaints });
  };
  window.addEventListener(
    "load",
    () =>
      void use()
        .catch((error) => complaints.push(error instanceof Error ? error.message : "something was thrown"))
        .then(end),
    {
      once: true,
    },
  );
};

webview.init(`(${script.toString()})()`);
webview.navigate(process.argv[2] ?? "");
webview.run();
