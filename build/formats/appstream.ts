/**
 * AppStream metadata, by which software centres know an app: AppStream 0.16,
 * desktop applications. Older and newer readers take it without a warning.
 */
import { escapeXml } from "./plist.ts";

export interface AppStreamComponent {
  /** Reverse DNS; the desktop entry is `<id>.desktop`. */
  readonly id: string;
  readonly name: string;
  /** One line without a full stop. */
  readonly summary: string;
  /** One paragraph. */
  readonly description: string;
  readonly developer: string;
  /** An SPDX expression. */
  readonly license: string;
  readonly homepage: string | undefined;
  readonly categories: readonly string[];
  readonly keywords: readonly string[];
  /** Media types that the app opens; URL schemes among them. */
  readonly mimeTypes: readonly string[];
  /** Program in the search path. */
  readonly binary: string;
}

/** The text of `<id>.metainfo.xml`. */
export function renderAppStream(component: AppStreamComponent): string {
  const { homepage, mimeTypes } = component;
  return `<?xml version="1.0" encoding="UTF-8"?>
<component type="desktop-application">
${[
  element("id", component.id),
  element("metadata_license", "CC0-1.0"),
  element("project_license", component.license),
  element("name", component.name),
  element("summary", component.summary),
  `<description>\n    ${element("p", component.description)}\n  </description>`,
  element("developer_name", component.developer),
  `<launchable type="desktop-id">${escapeXml(component.id)}.desktop</launchable>`,
  ...(homepage === undefined ? [] : [`<url type="homepage">${escapeXml(homepage)}</url>`]),
  ...list(
    "categories",
    component.categories.map((category) => element("category", category)),
  ),
  ...list(
    "keywords",
    component.keywords.map((keyword) => element("keyword", keyword)),
  ),
  ...list("provides", [element("binary", component.binary), ...mimeTypes.map((type) => element("mediatype", type))]),
  `<content_rating type="oars-1.1" />`,
]
  .map((line) => `  ${line}\n`)
  .join("")}</component>
`;
}

function element(name: string, text: string): string {
  return `<${name}>${escapeXml(text)}</${name}>`;
}

function list(name: string, items: readonly string[]): readonly string[] {
  if (items.length === 0) return [];
  return [`<${name}>\n${items.map((item) => `    ${item}\n`).join("")}  </${name}>`];
}
