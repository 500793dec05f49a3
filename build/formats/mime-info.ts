/** File types that an app brings along: Shared MIME-info Database specification 0.21. */
import { escapeXml } from "./plist.ts";

export interface MimeType {
  readonly mimeType: string;
  /** Without dots. */
  readonly extensions: readonly string[];
  /** What such a file is called. */
  readonly description: string;
}

/** The text of `mime/packages/<id>.xml`. */
export function renderMimeInfo(types: readonly MimeType[]): string {
  const entries = types.map(
    ({ mimeType, extensions, description }) => `  <mime-type type="${escapeXml(mimeType)}">
    <comment>${escapeXml(description)}</comment>
${extensions.map((extension) => `    <glob pattern="*.${escapeXml(extension)}"/>\n`).join("")}  </mime-type>
`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
${entries.join("")}</mime-info>
`;
}
