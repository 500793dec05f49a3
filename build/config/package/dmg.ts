/** `package.dmg`: the disk image of macOS and the window that it opens. */
import { z } from "zod";
import { ruled } from "../ruled.ts";
import { pathRule } from "../rules.ts";

export interface DmgConfig {
  /** `lzma` (ULMO) is a third smaller and needs macOS 10.15, `zlib` (UDZO) opens everywhere. */
  readonly compression: "lzma" | "zlib";
  /** A picture, absolute; undefined for the one that comes with erth. */
  readonly background: string | undefined;
  /** RTF or UTF-8 text, absolute. */
  readonly license: string | undefined;
  /** Of the window's content, in points. */
  readonly windowSize: { readonly width: number; readonly height: number };
  /** Points a side. */
  readonly iconSize: number;
  /** Points. */
  readonly textSize: number;
  /** Who writes the image: erth itself on any host, or Apple's hdiutil on a Mac. */
  readonly tool: "erth" | "hdiutil";
}

const DEFAULTS = {
  compression: "lzma",
  windowSize: { width: 660, height: 400 },
  iconSize: 128,
  textSize: 13,
  tool: "erth",
} as const;

function points(description: string, least: number, most: number, fallback: number): z.ZodOptional<z.ZodNumber> {
  return z.number().int().min(least).max(most).meta({ description, default: fallback }).optional();
}

export const dmgSchema = z
  .strictObject({
    compression: z
      .enum(["lzma", "zlib"])
      .describe("`lzma` is a third smaller and needs macOS 10.15; `zlib` opens everywhere.")
      .meta({ default: DEFAULTS.compression })
      .optional(),
    background: ruled(
      pathRule,
      "Picture behind the icons: PNG, or TIFF in several densities. A `name@2x.png` beside `name.png` is taken along.",
      "icons/background.png",
    ).optional(),
    license: ruled(
      pathRule,
      "Licence to agree to before the image opens: RTF or UTF-8 text.",
      "LICENSE.txt",
    ).optional(),
    windowSize: z
      .strictObject({
        width: points("Width in points.", 320, 2000, DEFAULTS.windowSize.width),
        height: points("Height in points.", 200, 1500, DEFAULTS.windowSize.height),
      })
      .describe("The window's content.")
      .optional(),
    iconSize: points("Size of the icons in points.", 32, 256, DEFAULTS.iconSize),
    textSize: points("Size of the icons' names in points.", 10, 16, DEFAULTS.textSize),
    tool: z
      .enum(["erth", "hdiutil"])
      .describe("`hdiutil` lets Apple's own tool write the image, on a Mac only.")
      .meta({ default: DEFAULTS.tool })
      .optional(),
  })
  .describe("The disk image of macOS and the window that it opens.");

export function resolveDmg(asked: z.input<typeof dmgSchema> = {}, at: (path: string) => string): DmgConfig {
  const { compression, background, license, windowSize, iconSize, textSize, tool } = asked;
  return {
    compression: compression ?? DEFAULTS.compression,
    background: background === undefined ? undefined : at(background),
    license: license === undefined ? undefined : at(license),
    windowSize: {
      width: windowSize?.width ?? DEFAULTS.windowSize.width,
      height: windowSize?.height ?? DEFAULTS.windowSize.height,
    },
    iconSize: iconSize ?? DEFAULTS.iconSize,
    textSize: textSize ?? DEFAULTS.textSize,
    tool: tool ?? DEFAULTS.tool,
  };
}
