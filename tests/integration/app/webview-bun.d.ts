/** The few names that the WebKitGTK test uses; the package's own sources need another module resolution (`paths` in tsconfig.json). */

export const SizeHint: { readonly NONE: number };

export class Webview {
  constructor(debug: boolean, size: { readonly width: number; readonly height: number; readonly hint: number });
  /** Gives the page a global function. */
  bind(name: string, callback: (value: unknown) => void): void;
  /** A script that runs before the page's own. */
  init(source: string): void;
  navigate(url: string): void;
  /** Blocks until the window is closed. */
  run(): void;
}
