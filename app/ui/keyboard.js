/**
 * The keyboard, as the page declares it: `aria-keyshortcuts` names an element's
 * keys, this file makes them work. It knows no todo and sends no request: it
 * only moves the focus and presses buttons. It exists because an `accesskey`
 * needs a modifier that differs from browser to browser, and because htmx key
 * filters (`keyup[key=='e']`) would need evaluated attributes.
 *
 * - A shortcut counts within its nearest `data-shortcuts`, innermost first.
 * - While the user types, only shortcuts of the same form and those with a
 *   modifier that lead to a field count; the field keeps the rest.
 * - Up and down move between the elements marked `data-stop`.
 * - A press on `data-keeps-focus` leaves the focus where it is.
 * - A field with `data-caret-at-end` is entered behind its text.
 * - A request without an answer marks the page as `is-lost` until the next one.
 */
(() => {
  const FIELDS = "input, textarea, select, [contenteditable]";

  /** `Control+F`, `E`, `Escape`: the event in the spelling of aria-keyshortcuts. */
  const nameOf = ({ key, ctrlKey, metaKey }) =>
    (ctrlKey ? "Control+" : "") + (metaKey ? "Meta+" : "") + (key.length === 1 ? key.toUpperCase() : key);

  const isField = (element) => element.matches(FIELDS);

  const isAllowed = (element, from, event) => {
    if (!isField(from))
      return event.key !== "Enter" || from.getAttribute("role") === "checkbox" || from === document.body;
    if (isField(element)) return event.ctrlKey || event.metaKey;
    return element.form !== null && element.form === from.form;
  };

  const elementFor = (event, from) => {
    const name = nameOf(event);
    let scope = from.closest("[data-shortcuts]");
    while (scope) {
      for (const element of scope.querySelectorAll("[aria-keyshortcuts]")) {
        const isNamed = element.getAttribute("aria-keyshortcuts").split(" ").includes(name);
        if (isNamed && element.closest("[data-shortcuts]") === scope && isAllowed(element, from, event)) return element;
      }
      scope = scope.parentElement?.closest("[data-shortcuts]");
    }
    return undefined;
  };

  const clear = (field) => {
    field.value = "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const step = (from, direction) => {
    const stops = [...document.querySelectorAll("[data-stop]")];
    const row = from.closest("[data-shortcuts] li, form") ?? from;
    const here = stops.findIndex((stop) => stop === from || row.contains(stop));
    const next = here === -1 ? 0 : Math.min(Math.max(here + direction, 0), stops.length - 1);
    stops[next]?.focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const from = event.target instanceof Element ? event.target : document.body;
    const element = elementFor(event, from);
    if (element) {
      event.preventDefault();
      if (isField(element)) {
        element.focus();
        element.select();
      } else {
        element.click();
      }
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(from, event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape" && from.matches("input")) {
      event.preventDefault();
      if (from.value === "") from.blur();
      else clear(from);
    }
  });

  document.addEventListener("mousedown", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-keeps-focus]")) event.preventDefault();
  });

  document.addEventListener("focusin", ({ target }) => {
    if (target.matches("[data-caret-at-end]")) target.setSelectionRange(target.value.length, target.value.length);
  });

  const root = document.documentElement;
  document.addEventListener("htmx:error", ({ detail }) => {
    if (detail.ctx && !detail.ctx.response) root.classList.add("is-lost");
  });
  document.addEventListener("htmx:after:request", () => root.classList.remove("is-lost"));
})();
