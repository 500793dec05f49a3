/**
 * The user's config, one doc line per field. `erth.schema.json`, the types of
 * `defineConfig` and the messages of `issues.ts` all come from here.
 */
import { z } from "zod";
import { DEFAULT_FORMATS, formatsOf } from "../plan/package-format.ts";
import { TARGETS, type Target, type TargetOs } from "../plan/target.ts";
import { PARTS, type Part } from "./resolved-config.ts";
import { DEFAULT_BUDGET } from "./budgets.ts";
import { parseLimit } from "./limit.ts";
import { appImageSchema } from "./package/appimage.ts";
import { linuxSchema } from "./package/linux.ts";
import { setupSchema } from "./package/setup.ts";
import { msixSchema } from "./package/msix.ts";
import { pkgSchema } from "./package/pkg.ts";
import { dmgSchema } from "./package/dmg.ts";
import { ruled } from "./ruled.ts";
import { identifierRule, lineRule, mirrorRule, nameRule, pathRule, versionRule } from "./rules.ts";
import { signing } from "./signing-schema.ts";

export const DEFAULT_WINDOW = { width: 1000, height: 720, minWidth: 480, minHeight: 360 } as const;

/** What to write instead of a value of the wrong type, where an example alone would not say it. */
export const fixes: z.core.$ZodRegistry<{ fix: (value: unknown) => string }> = z.registry();

function limit(example: string): z.ZodString {
  return z
    .string()
    .superRefine((value, ctx) => {
      const parsed = parseLimit(value);
      if (!parsed.ok) ctx.addIssue({ code: "custom", message: parsed.reason, params: { size: parsed.fix } });
    })
    .register(fixes, { fix: (value) => (typeof value === "number" ? `${value} MB` : example) });
}

/** One limit, or several that all hold. */
function limits(description: string, example: string) {
  return z
    .union([limit(example), z.array(limit(example)).min(1)])
    .meta({ description, examples: [example, [example, "+2%"]] })
    .register(fixes, { fix: (value) => (typeof value === "number" ? `${value} MB` : example) });
}

function pixels(description: string, fallback: number): z.ZodOptional<z.ZodNumber> {
  return z.number().int().min(100).max(16_384).meta({ description, default: fallback }).optional();
}

const app = z
  .strictObject({
    name: ruled(nameRule, "Display name. Any script, spaces and emoji welcome; no slashes.", "My App"),
    identifier: ruled(
      identifierRule,
      "Reverse-DNS identifier; names the data folder and the bundle. Never change it after the first release.",
      "com.example.app",
    ),
    version: ruled(versionRule, "Semantic version, prereleases included.", "1.0.0"),
    publisher: ruled(lineRule, "Who publishes the app: a person or a company.", "Example Ltd"),
    description: ruled(lineRule, "One line about the app, for installers and menus.", "Keeps notes").optional(),
    icon: ruled(
      pathRule,
      "One square PNG of at least 512 pixels, or an SVG; every other icon is made from it.",
      "icons/icon.svg",
    ),
  })
  .describe("Who the app is.");

const window = z
  .strictObject({
    title: ruled(lineRule, "Title of the window; the app's name by default.", "My App").optional(),
    width: pixels("Width at the first start, in CSS pixels.", DEFAULT_WINDOW.width),
    height: pixels("Height at the first start, in CSS pixels.", DEFAULT_WINDOW.height),
    minWidth: pixels("Smallest width, in CSS pixels.", DEFAULT_WINDOW.minWidth),
    minHeight: pixels("Smallest height, in CSS pixels.", DEFAULT_WINDOW.minHeight),
  })
  .describe("The first window.");

const shell = z
  .strictObject({
    kind: z.enum(["electrobun", "webview"]).describe("ElectroBun, or Bun with the system's webview and nothing else."),
    fallback: z
      .literal("webview")
      .describe(
        "The shell to take, with a warning, where ElectroBun's core cannot be had; without it that is an error.",
      )
      .optional(),
    entry: ruled(pathRule, "Entry of the shell's main process, relative to this file.", "shell/main.ts"),
    window: window.optional(),
  })
  .describe("The native window around the app.");

const sidecar = z
  .strictObject({
    kind: z
      .enum(["pkg", "bun"])
      .describe("`pkg` carries its own Node; `bun` runs on the shell's Bun at half the size."),
    entry: ruled(pathRule, "Entry of the sidecar, relative to this file.", "sidecar/main.ts"),
  })
  .describe("The HTTP server that renders the interface.");

function formats(os: TargetOs, system: string) {
  return z
    .array(z.enum(formatsOf(os)))
    .min(1)
    .meta({ description: `The files that ${system} gets.`, default: [...DEFAULT_FORMATS[os]] })
    .optional();
}

// `fromEntries` forgets the keys; PARTS is where they come from.
const parts = Object.fromEntries(
  PARTS.map((part) => [part, limits(`Budget of the part "${part}", compressed.`, "40 MB").optional()]),
) as Record<Part, z.ZodOptional<ReturnType<typeof limits>>>;

const fileBudget = {
  total: limits("Budget of each finished file.", DEFAULT_BUDGET).meta({ default: DEFAULT_BUDGET }).optional(),
  parts: z.strictObject(parts).describe("Budgets of single parts, as `erth size` names them.").optional(),
};

const targetBudgets = Object.fromEntries(
  TARGETS.map((target) => [target, z.strictObject(fileBudget).describe(`Budget of ${target}.`).optional()]),
) as Record<Target, z.ZodOptional<z.ZodObject<typeof fileBudget, z.core.$strict>>>;

/** The config as a user writes it. Strict: an unknown key is a problem. */
export const configSchema = z
  .strictObject({
    $schema: z.string().describe("Address of this schema, for editors.").optional(),
    app,
    shell,
    sidecar,
    database: z
      .strictObject({
        migrations: ruled(pathRule, "Folder of numbered `.sql` migrations, relative to this file.", "migrations"),
      })
      .describe("The embedded libSQL database; leave it out for an app without one.")
      .optional(),
    targets: z
      .union([z.literal("all"), z.literal("host"), z.array(z.enum(TARGETS)).min(1)])
      .meta({
        description: "What to build for: every target, this machine alone, or a list. Every target by default.",
        default: "all",
        examples: ["all"],
      })
      .optional(),
    package: z
      .strictObject({
        compression: z
          .enum(["best", "fast"])
          .describe("`best` for releases, `fast` while developing.")
          .meta({ default: "best" })
          .optional(),
        formats: z
          .strictObject({
            darwin: formats("darwin", "macOS"),
            win32: formats("win32", "Windows"),
            linux: formats("linux", "Linux"),
          })
          .describe("Single files and installers, by system.")
          .optional(),
        appimage: appImageSchema.optional(),
        linux: linuxSchema.optional(),
        setup: setupSchema.optional(),
        msix: msixSchema.optional(),
        pkg: pkgSchema.optional(),
        dmg: dmgSchema.optional(),
      })
      .describe("How the finished files are packed.")
      .optional(),
    budget: z
      .strictObject({
        ...fileBudget,
        targets: z.strictObject(targetBudgets).describe("Budgets that one target has instead.").optional(),
      })
      .describe(
        "Sizes with a unit (kB, MB, GB or KiB, MiB, GiB), or growth since the release before: +2%, +500 kB. Over budget, a release fails.",
      )
      .optional(),
    vendor: z
      .strictObject({
        mirror: ruled(
          mirrorRule,
          "Base address tried instead of an archive's own host; ERTH_MIRROR wins over it.",
          "https://mirror.example.com/erth",
        ).optional(),
        folders: z
          .record(z.string().min(1), ruled(pathRule, "A folder, relative to this file.", "../core"))
          .describe("Lock entry name to a local folder that stands in for it.")
          .optional(),
      })
      .describe("Where binaries come from that are not built here.")
      .optional(),
    signing: signing.optional(),
    update: z.strictObject({}).describe("Coming: where the app looks for updates.").optional(),
    publish: z.strictObject({}).describe("Coming: where `erth publish` uploads to.").optional(),
  })
  .describe("Configuration of an ERTH app.");

export type UserConfig = z.input<typeof configSchema>;
