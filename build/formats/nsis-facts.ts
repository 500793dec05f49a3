/** What a `-setup.exe` says about its app and does with it. */

export type SetupScope = "user" | "machine";

export interface NsisFileType {
  /** Without the dot. */
  readonly extension: string;
  /** What Explorer calls such a file. */
  readonly description: string;
}

export interface NsisFacts {
  readonly app: {
    readonly name: string;
    /** The name as Windows takes it in a file name. */
    readonly fileName: string;
    readonly slug: string;
    readonly identifier: string;
    readonly version: string;
    readonly publisher: string;
    readonly description: string;
  };
  /** Paths in the app, "/" separated; `cwd` "" is the app itself. */
  readonly launch: { readonly executable: string; readonly args: readonly string[]; readonly cwd: string };
  /** The app's own `.ico`, for links and the list of programs; else the executable's. */
  readonly iconInApp: string | undefined;
  readonly installedBytes: number;
  readonly scope: SetupScope;
  /** "ask" shows a page, and takes /DESKTOP when silent. */
  readonly desktopShortcut: "ask" | "always" | "never";
  readonly runAfterInstall: boolean;
  /** URL schemes, without ":". */
  readonly protocols: readonly string[];
  readonly fileTypes: readonly NsisFileType[];
  /** Name of the licence beside the script: text with a byte order mark, or RTF. */
  readonly license: string | undefined;
  /** Whether Microsoft's bootstrapper lies there. */
  readonly webview2Bootstrapper: boolean;
  /** Run on the uninstaller, whose path replaces %1, before it goes into the setup: a signer's place. */
  readonly finalizeUninstaller: string | undefined;
}
