/**
 * The two documents of a flat package that Installer reads first: Distribution
 * ("Distribution Definition XML Schema", Apple) says who may install what
 * where, PackageInfo what the one component is. PackageInfo is documented
 * nowhere; it has what pkgbuild writes.
 */
import { xmlDocument, xmlElement as element, xmlText } from "./xml-text.ts";

/** Where a package may be installed: for everyone, for the user alone in his home, or as the user chooses. */
export type PkgDomain = "system" | "user" | "any";

export interface PkgFacts {
  /** Reverse DNS; names the receipt too. */
  readonly identifier: string;
  /** Digits and dots: `1.2.3`. */
  readonly version: string;
  /** In Installer's window. */
  readonly title: string;
  /** The app's own folder: `Notes.app`. */
  readonly bundleName: string;
  /** What its Info.plist says of these two: Installer compares. */
  readonly bundleVersions: { readonly CFBundleShortVersionString?: string; readonly CFBundleVersion?: string };
  /** Absolute on the user's disk: `/Applications`. */
  readonly installLocation: string;
  readonly domain: PkgDomain;
  /** In Apple's words: `arm64`, `x86_64`. */
  readonly hostArchitectures: readonly string[];
  /** The oldest macOS it runs on: `13.0`. */
  readonly minimumSystem: string;
}

export interface PkgContents {
  /** Files, folders and links, without the root. */
  readonly count: number;
  readonly installKBytes: number;
  /** Which of the two is there. */
  readonly scripts: readonly PkgScript[];
}

export const PKG_SCRIPTS = ["preinstall", "postinstall"] as const;
export type PkgScript = (typeof PKG_SCRIPTS)[number];

/** A script that hangs must not hang an installation for ever. */
const SCRIPT_TIMEOUT_SECONDS = 600;

/** Name of the component inside the package. */
export function componentName({ identifier }: Pick<PkgFacts, "identifier">): string {
  return `${identifier}.pkg`;
}

export function renderPackageInfo(facts: PkgFacts, contents: PkgContents): string {
  const { identifier, version, bundleName, bundleVersions, installLocation } = facts;
  const bundle = element("bundle", { id: identifier });
  const scripts = contents.scripts.map((name) =>
    element(name, { file: `./${name}`, timeout: `${SCRIPT_TIMEOUT_SECONDS}` }),
  );
  return xmlDocument(
    element(
      "pkg-info",
      {
        "overwrite-permissions": "true",
        relocatable: "false",
        identifier,
        "postinstall-action": "none",
        version,
        "format-version": "2",
        "install-location": installLocation,
        auth: "root",
      },
      element("payload", { numberOfFiles: `${contents.count}`, installKBytes: `${contents.installKBytes}` }),
      element("bundle", { path: `./${bundleName}`, id: identifier, ...bundleVersions }),
      element("bundle-version", {}, bundle),
      element("upgrade-bundle", {}, bundle),
      element("update-bundle", {}),
      element("atomic-update-bundle", {}),
      element("strict-identifier", {}, bundle),
      // Empty, unlike pkgbuild's: a bundle named here is installed over the copy that Spotlight finds,
      // and the app is then anywhere but where it should be.
      element("relocate", {}),
      ...(scripts.length > 0 ? [element("scripts", {}, ...scripts)] : []),
    ),
  );
}

/** Options of `domains`, §"domains". */
const DOMAINS: Readonly<Record<PkgDomain, { readonly home: boolean; readonly system: boolean }>> = {
  system: { home: false, system: true },
  user: { home: true, system: false },
  any: { home: true, system: true },
};

export function renderDistribution(facts: PkgFacts, contents: PkgContents): string {
  const { identifier, version, title, bundleName, bundleVersions, installLocation, minimumSystem } = facts;
  const { home, system } = DOMAINS[facts.domain];
  const reference = { id: identifier };
  return xmlDocument(
    element(
      "installer-gui-script",
      { minSpecVersion: "2" },
      xmlText("title", {}, title),
      element("options", {
        customize: "never",
        "require-scripts": "false",
        hostArchitectures: facts.hostArchitectures.join(","),
      }),
      element("domains", {
        enable_anywhere: "false",
        enable_currentUserHome: `${home}`,
        enable_localSystem: `${system}`,
      }),
      element("volume-check", {}, element("allowed-os-versions", {}, element("os-version", { min: minimumSystem }))),
      element("product", { ...reference, version }),
      element("choices-outline", {}, element("line", { choice: "default" }, element("line", { choice: identifier }))),
      element("choice", { id: "default", title }),
      element(
        "choice",
        { id: identifier, title, visible: "false", customLocation: installLocation },
        element("pkg-ref", reference),
      ),
      element(
        "pkg-ref",
        reference,
        element("bundle-version", {}, element("bundle", { ...bundleVersions, id: identifier, path: bundleName })),
      ),
      xmlText(
        "pkg-ref",
        {
          ...reference,
          version,
          onConclusion: "none",
          installKBytes: `${contents.installKBytes}`,
          updateKBytes: "0",
        },
        // Read as a URL's fragment.
        `#${encodeURI(componentName(facts))}`,
      ),
    ),
  );
}
