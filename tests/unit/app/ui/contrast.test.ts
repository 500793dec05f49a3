import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** The colours of one scheme: the first `:root` block, with the dark one's values over it. */
function coloursOf(scheme: "light" | "dark"): ReadonlyMap<string, string> {
  const css = readFileSync(new URL("../../../../app/ui/styles.css", import.meta.url), "utf8");
  const blocks = [...css.matchAll(/:root \{([^}]*)\}/g)].map((match) => match[1] ?? "");
  const text = scheme === "light" ? (blocks[0] ?? "") : blocks.join("");
  return new Map([...text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1] ?? "", match[2] ?? ""]));
}

/** Relative luminance, WCAG 2.2. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((start) => {
    const value = Number.parseInt(colour.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(left: string, right: string): number {
  const [dark = 0, light = 0] = [luminance(left), luminance(right)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const TEXTS = [
  ["text", "ground"],
  ["text", "surface"],
  ["text-soft", "ground"],
  ["text-soft", "sunken"],
  ["text-faint", "surface"],
  ["text-faint", "sunken"],
  ["text-faint", "raised"],
  ["accent", "surface"],
  ["accent", "accent-soft"],
  ["on-accent", "accent"],
  ["danger", "surface"],
  ["danger", "danger-soft"],
  ["on-notice", "notice"],
  ["notice-accent", "notice"],
] as const;

const CONTROLS = [
  ["box", "surface"],
  ["accent", "surface"],
  ["accent", "ground"],
] as const;

test.each(["light", "dark"] as const)("texts and controls of the %s scheme stand out", (scheme) => {
  const colours = coloursOf(scheme);
  const tooLow = (pairs: readonly (readonly [string, string])[], least: number) =>
    pairs
      .map(([front, back]) => ({
        pair: `${front} on ${back}`,
        ratio: contrast(colours.get(front) ?? "", colours.get(back) ?? ""),
      }))
      .filter(({ ratio }) => !(ratio >= least));
  // WCAG 2.2, 1.4.3 for text and 1.4.11 for what marks a control.
  expect([...tooLow(TEXTS, 4.5), ...tooLow(CONTROLS, 3)]).toEqual([]);
});
