/**
 * AppxManifest.xml of a desktop app with full trust, x64. Follows Microsoft's
 * "Package manifest schema reference for Windows 10".
 *
 * The logos are files that the manifest names outright, one of each size. No
 * `resources.pri` is needed for that, by Windows or by the Store: it is the
 * index of what varies by language, scale and contrast, and nothing here does.
 * The price is that Windows scales the one picture on displays of more than
 * 100 %, and puts its plate behind the icon in the taskbar.
 */
import { xmlDocument, xmlElement, xmlText } from "./xml-text.ts";

export interface AppxFacts {
  /** 3 to 50 of letters, digits, dots and hyphens. */
  readonly identityName: string;
  /** The signing certificate's subject, as Windows writes it: `CN=Example Ltd, O=Example Ltd, C=US`. */
  readonly publisher: string;
  /** Four numbers. */
  readonly version: string;
  readonly displayName: string;
  readonly publisherDisplayName: string;
  readonly description: string;
  /** The program that starts the app, "/" separated. */
  readonly executable: string;
  readonly logos: {
    /** 50 x 50 pixels. */
    readonly store: string;
    /** 44 x 44 pixels. */
    readonly small: string;
    /** 150 x 150 pixels. */
    readonly medium: string;
  };
  /** URL schemes that the app opens: `my-app`. */
  readonly protocols: readonly string[];
  /** Types of files that the app opens. */
  readonly fileTypes: readonly AppxFileType[];
}

export interface AppxFileType {
  /** With its dot: `.note`. */
  readonly extension: string;
  readonly description: string;
}

const SCHEMAS = {
  xmlns: "http://schemas.microsoft.com/appx/manifest/foundation/windows10",
  "xmlns:uap": "http://schemas.microsoft.com/appx/manifest/uap/windows10",
  "xmlns:rescap": "http://schemas.microsoft.com/appx/manifest/foundation/windows10/restrictedcapabilities",
  "xmlns:win32dependencies": "http://schemas.microsoft.com/appx/manifest/externaldependencies",
  IgnorableNamespaces: "uap rescap win32dependencies",
};
/** Windows 10 1809, the oldest that Bun runs on. */
const OLDEST_WINDOWS = "10.0.17763.0";
const NEWEST_WINDOWS = "10.0.26100.0";
/** Brought along by App Installer where it is missing; Windows 11 has it. Other ways to install ignore this. */
const WEBVIEW2 = {
  Name: "Microsoft.WebView2",
  Publisher: "CN=Microsoft Windows, O=Microsoft Corporation, L=Redmond, S=Washington, C=US",
  MinVersion: "1.1.1.1",
  Optional: "true",
};
/** A name for the types of the app; it is unique within the package. */
const FILE_TYPES_NAME = "documents";

export function renderAppxManifest(facts: AppxFacts): string {
  const { identityName, publisher, version, logos } = facts;
  return xmlDocument(
    xmlElement(
      "Package",
      SCHEMAS,
      xmlElement("Identity", {
        Name: identityName,
        Publisher: publisher,
        Version: version,
        ProcessorArchitecture: "x64",
      }),
      xmlElement(
        "Properties",
        {},
        xmlText("DisplayName", {}, facts.displayName),
        xmlText("PublisherDisplayName", {}, facts.publisherDisplayName),
        xmlText("Description", {}, facts.description),
        xmlText("Logo", {}, windowsPath(logos.store)),
      ),
      xmlElement("Resources", {}, xmlElement("Resource", { Language: "en-us" })),
      xmlElement(
        "Dependencies",
        {},
        xmlElement("TargetDeviceFamily", {
          Name: "Windows.Desktop",
          MinVersion: OLDEST_WINDOWS,
          MaxVersionTested: NEWEST_WINDOWS,
        }),
        xmlElement("win32dependencies:ExternalDependency", WEBVIEW2),
      ),
      xmlElement("Capabilities", {}, xmlElement("rescap:Capability", { Name: "runFullTrust" })),
      xmlElement("Applications", {}, renderApplication(facts)),
    ),
  );
}

function renderApplication(facts: AppxFacts): string {
  const { logos } = facts;
  const extensions = [...facts.protocols.map(renderProtocol), ...renderFileTypes(facts.fileTypes)];
  return xmlElement(
    "Application",
    { Id: "App", Executable: windowsPath(facts.executable), EntryPoint: "Windows.FullTrustApplication" },
    xmlElement("uap:VisualElements", {
      DisplayName: facts.displayName,
      Description: facts.description,
      BackgroundColor: "transparent",
      Square150x150Logo: windowsPath(logos.medium),
      Square44x44Logo: windowsPath(logos.small),
    }),
    ...(extensions.length > 0 ? [xmlElement("Extensions", {}, ...extensions)] : []),
  );
}

function renderProtocol(scheme: string): string {
  return xmlElement("uap:Extension", { Category: "windows.protocol" }, xmlElement("uap:Protocol", { Name: scheme }));
}

function renderFileTypes(types: readonly AppxFileType[]): readonly string[] {
  return types.map(({ extension, description }, at) =>
    xmlElement(
      "uap:Extension",
      { Category: "windows.fileTypeAssociation" },
      xmlElement(
        "uap:FileTypeAssociation",
        { Name: at === 0 ? FILE_TYPES_NAME : `${FILE_TYPES_NAME}-${at}` },
        xmlText("uap:DisplayName", {}, description),
        xmlElement("uap:SupportedFileTypes", {}, xmlText("uap:FileType", {}, extension)),
      ),
    ),
  );
}

function windowsPath(path: string): string {
  return path.replaceAll("/", "\\");
}
