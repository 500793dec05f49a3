/**
 * The files that the pages load, under names that carry their digest, so that
 * a browser may keep them for ever. Their texts are given: `main.ts` embeds
 * them at build time, tests read them from disk.
 */
import { createHash } from "node:crypto";

export interface AssetTexts {
  readonly htmx: string;
  readonly htmxCsp: string;
  readonly keyboard: string;
  readonly styles: string;
  readonly icon: string;
}

export interface Asset {
  /** Path on the sidecar: `/assets/htmx.0f3c9a51d2e4.js`. */
  readonly path: string;
  readonly type: string;
  readonly text: string;
}

export type Assets = Readonly<Record<keyof AssetTexts, Asset>>;

const SCRIPT = { extension: "js", type: "text/javascript; charset=utf-8" } as const;
const STYLES = { extension: "css", type: "text/css; charset=utf-8" } as const;
const PICTURE = { extension: "svg", type: "image/svg+xml" } as const;

function asset(name: string, kind: typeof SCRIPT | typeof STYLES | typeof PICTURE, text: string): Asset {
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return { path: `/assets/${name}.${digest}.${kind.extension}`, type: kind.type, text };
}

/** The assets of these texts, each with its path. */
export function assetsOf(texts: AssetTexts): Assets {
  return {
    htmx: asset("htmx", SCRIPT, texts.htmx),
    htmxCsp: asset("hx-csp", SCRIPT, texts.htmxCsp),
    keyboard: asset("keyboard", SCRIPT, texts.keyboard),
    styles: asset("styles", STYLES, texts.styles),
    icon: asset("icon", PICTURE, texts.icon),
  };
}
