/** How Linux desktops find and show an app, from the config: the same in every package. */
import type { ResolvedConfig, ShellKind } from "../../config/resolved-config.ts";
import { renderAppStream } from "../../formats/appstream.ts";
import { renderDesktopEntry } from "../../formats/desktop-entry.ts";

/** WM_CLASS of ElectroBun 1.18.1's windows, which `libNativeWrapper.so` sets for every app alike. */
const ELECTROBUN_WM_CLASS = "ElectrobunKitchenSink-dev";

/** Media types that the app opens, URL schemes among them. */
function mimeTypesOf({ protocols, fileTypes }: ResolvedConfig["package"]["linux"]): readonly string[] {
  return [...fileTypes.map(({ mimeType }) => mimeType), ...protocols.map((scheme) => `x-scheme-handler/${scheme}`)];
}

/** The desktop entry, for a file called `<identifier>.desktop`; `program` is a name in the search path, or a path. */
export function desktopEntryOf(config: ResolvedConfig, shell: ShellKind, program: string): string {
  const { name, description, identifier } = config.app;
  const { linux } = config.package;
  const mimeTypes = mimeTypesOf(linux);
  return renderDesktopEntry({
    name,
    comment: description,
    exec: [program, ...(mimeTypes.length > 0 ? ["%U"] : [])],
    icon: identifier,
    categories: linux.categories,
    keywords: linux.keywords,
    mimeTypes,
    // The webview shell names its program after the app (`runtime/shell/window.ts`).
    startupWmClass: shell === "electrobun" ? ELECTROBUN_WM_CLASS : identifier,
  });
}

/** The metadata for software centres, for a file called `<identifier>.metainfo.xml`. */
export function metainfoOf(config: ResolvedConfig): string {
  const { name, slug, identifier, publisher } = config.app;
  const { linux } = config.package;
  const { synopsis, description } = describe(config);
  return renderAppStream({
    id: identifier,
    name,
    summary: synopsis,
    description,
    developer: publisher,
    license: linux.license,
    homepage: linux.homepage,
    categories: linux.categories,
    keywords: linux.keywords,
    mimeTypes: mimeTypesOf(linux),
    binary: slug,
  });
}

const MAX_SYNOPSIS_CHARACTERS = 80;

/** One line without a full stop, which lists of packages show; and a paragraph. */
export function describe({ app }: Pick<ResolvedConfig, "app">): {
  readonly synopsis: string;
  readonly description: string;
} {
  const description = app.description || app.name;
  const short = description.replace(/[.。\s]+$/u, "");
  const isShort = short !== "" && Array.from(short).length <= MAX_SYNOPSIS_CHARACTERS;
  return { synopsis: isShort ? short : app.name, description };
}
