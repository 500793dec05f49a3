/**
 * What the electrobun shell uses of ElectroBun 1.18.1's `electrobun/bun`. The
 * bundler maps `erth:electrobun` to the SDK of the locked npm package, whose
 * own TypeScript does not pass this project's compiler settings.
 */
declare module "erth:electrobun" {
  export interface WindowFrame {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  }

  export class BrowserWindow {
    constructor(options: {
      readonly title: string;
      readonly frame: WindowFrame;
      readonly url: string;
      /** No RPC between page and main process; only lifecycle events leave the page. */
      readonly sandbox: boolean;
    });
    readonly webview: {
      loadURL(url: string): void;
      /** Globs; a leading `^` blocks; the last that matches decides. */
      setNavigationRules(rules: string[]): void;
    };
    setTitle(title: string): void;
    setSize(width: number, height: number): void;
    activate(): void;
    unminimize(): void;
    isMinimized(): boolean;
    close(): void;
    on(name: "close", handler: () => void): void;
    on(
      name: "resize",
      handler: (event: { readonly data: { readonly width: number; readonly height: number } }) => void,
    ): void;
  }

  export const Screen: { getPrimaryDisplay(): { readonly workArea: WindowFrame } };

  interface QuitEvent {
    response: { readonly allow: boolean };
  }

  const Electrobun: { readonly events: { on(name: "before-quit", handler: (event: QuitEvent) => void): void } };
  export default Electrobun;
}
