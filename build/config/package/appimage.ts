/** `package.appimage`: what an AppImage knows about its updates. */
import { z } from "zod";
import type { Rule } from "../rules.ts";
import { ruled } from "../ruled.ts";

export interface AppImageConfig {
  /** As the AppImageSpec writes it; "" for none. */
  readonly updateInformation: string;
}

/** The section's room, less the zero that ends the text. */
const MAX_BYTES = 1023;
/** The transports of the AppImageSpec that have a `.zsync` file, by the number of their fields. */
const TRANSPORTS: Readonly<Record<string, number>> = {
  zsync: 2,
  "gh-releases-zsync": 5,
  "gh-prereleases-zsync": 5,
};

const updateInformationRule: Rule = (text) => {
  const fix = 'write updateInformation: "zsync|https://example.com/my-app.AppImage.zsync"';
  const [transport = "", ...fields] = text.split("|");
  const count = TRANSPORTS[transport];
  if (count === undefined) {
    return { reason: `it begins with none of ${Object.keys(TRANSPORTS).join(", ")}`, fix };
  }
  if (fields.length + 1 !== count || fields.some((field) => field === "")) {
    return { reason: `${transport} has ${count} fields with "|" between them`, fix };
  }
  if (!/^[\x21-\x7e]+$/.test(text) || text.length > MAX_BYTES) {
    return { reason: `it may have ${MAX_BYTES} ASCII characters without spaces`, fix };
  }
  const place = fields.at(-1) ?? "";
  if (!place.endsWith(".zsync")) return { reason: "its last field names no .zsync file", fix };
  const isAddress = URL.canParse(place) && /^https?:$/.test(new URL(place).protocol);
  return transport === "zsync" && !isAddress ? { reason: "its address is not http or https", fix } : undefined;
};

export const appImageSchema = z
  .strictObject({
    updateInformation: ruled(
      updateInformationRule,
      "Where AppImage tools look for updates, as the AppImageSpec writes it. With it, a `.zsync` file is made.",
      "zsync|https://example.com/my-app.AppImage.zsync",
    ).optional(),
  })
  .describe("The AppImage of Linux.");

/** The section with its defaults. */
export function resolveAppImage(asked: z.input<typeof appImageSchema> = {}): AppImageConfig {
  return { updateInformation: asked.updateInformation ?? "" };
}
