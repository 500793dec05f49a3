/** `package.linux`: what desktops, software centres and package managers of Linux are told about the app. */
import { z } from "zod";
import { lineRule, type Rule } from "../rules.ts";
import { ruled } from "../ruled.ts";

/** Main categories of the Desktop Menu Specification 1.1; a desktop entry has at least one. */
const CATEGORIES = [
  "AudioVideo",
  "Development",
  "Education",
  "Game",
  "Graphics",
  "Network",
  "Office",
  "Science",
  "Settings",
  "System",
  "Utility",
] as const;

export interface FileType {
  readonly mimeType: string;
  /** Without dots. */
  readonly extensions: readonly string[];
  readonly description: string;
}

export interface LinuxConfig {
  readonly categories: readonly string[];
  readonly keywords: readonly string[];
  /** Section of the Debian archive. */
  readonly section: string;
  /** SPDX expression. */
  readonly license: string;
  readonly homepage: string | undefined;
  /** Address of the maintainer. */
  readonly email: string | undefined;
  /** URL schemes, without a colon. */
  readonly protocols: readonly string[];
  readonly fileTypes: readonly FileType[];
}

/** SPDX 2.3's name for a licence that is nobody else's. */
const OWN_LICENSE = "LicenseRef-proprietary";
const DEFAULT_CATEGORIES = ["Utility"] as const;
const DEFAULT_SECTION = "utils";

const sectionRule: Rule = (section) =>
  /^(?:(?:contrib|non-free|non-free-firmware)\/)?[a-z][a-z-]*$/.test(section)
    ? undefined
    : { reason: "it is no section of the Debian archive", fix: 'write section: "utils"' };

const licenseRule: Rule = (license) =>
  /^[A-Za-z0-9.+()-]+(?: [A-Za-z0-9.+()-]+)*$/.test(license)
    ? undefined
    : { reason: "it is no SPDX expression", fix: `write license: "MIT", or "${OWN_LICENSE}"` };

const homepageRule: Rule = (address) =>
  URL.canParse(address) && /^https?:$/.test(new URL(address).protocol) && !/[\s<>"]/.test(address)
    ? undefined
    : { reason: "it is no http or https address", fix: 'write homepage: "https://example.com"' };

const emailRule: Rule = (email) =>
  /^[^\s<>@,;"]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/.test(email)
    ? undefined
    : { reason: "it is no e-mail address", fix: 'write email: "packages@example.com"' };

/** RFC 3986 §3.1, in lower case as desktops compare it. */
const schemeRule: Rule = (scheme) =>
  /^[a-z][a-z0-9+.-]*$/.test(scheme)
    ? undefined
    : { reason: "a URL scheme has lower-case letters, digits, +, . and -", fix: 'write protocols: ["my-app"]' };

/** RFC 6838 §4.2. */
const mimeTypeRule: Rule = (type) =>
  /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/.test(type)
    ? undefined
    : { reason: "it is no media type", fix: 'write mimeType: "application/vnd.example.notes"' };

const extensionRule: Rule = (extension) =>
  /^[\p{L}\p{N}][\p{L}\p{N}_.+-]*$/u.test(extension)
    ? undefined
    : { reason: "an extension has letters and digits and no dot before them", fix: 'write extensions: ["notes"]' };

export const linuxSchema = z
  .strictObject({
    categories: z
      .array(z.enum(CATEGORIES))
      .min(1)
      .meta({ description: "Where menus show the app.", default: [...DEFAULT_CATEGORIES] })
      .optional(),
    keywords: z
      .array(ruled(lineRule, "A word that the app is found by.", "notes"))
      .describe("Further words that searches find the app by.")
      .optional(),
    section: ruled(sectionRule, "Section of the Debian archive.", DEFAULT_SECTION)
      .meta({ default: DEFAULT_SECTION })
      .optional(),
    license: ruled(licenseRule, "Licence of the app, as SPDX writes it.", "MIT")
      .meta({ default: OWN_LICENSE })
      .optional(),
    homepage: ruled(homepageRule, "Address of the app's web site.", "https://example.com").optional(),
    email: ruled(emailRule, "Address of whoever maintains the packages.", "packages@example.com").optional(),
    protocols: z
      .array(ruled(schemeRule, "A URL scheme, without a colon.", "my-app"))
      .describe("URL schemes that the app opens.")
      .optional(),
    fileTypes: z
      .array(
        z.strictObject({
          mimeType: ruled(mimeTypeRule, "Media type.", "application/vnd.example.notes"),
          extensions: z.array(ruled(extensionRule, "Extension of the files, without a dot.", "notes")).min(1),
          description: ruled(lineRule, "What such a file is called.", "Notes document"),
        }),
      )
      .describe("Files that the app opens.")
      .optional(),
  })
  .describe("Packages and desktops of Linux.");

/** The section with its defaults. */
export function resolveLinux(asked: z.input<typeof linuxSchema> = {}): LinuxConfig {
  return {
    categories: asked.categories ?? DEFAULT_CATEGORIES,
    keywords: asked.keywords ?? [],
    section: asked.section ?? DEFAULT_SECTION,
    license: asked.license ?? OWN_LICENSE,
    homepage: asked.homepage,
    email: asked.email,
    protocols: asked.protocols ?? [],
    fileTypes: asked.fileTypes ?? [],
  };
}
