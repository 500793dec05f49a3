/** Modules that exist only inside a bundle: `build/` supplies them to esbuild. */

declare module "erth:database" {
  import type { DatabaseBundle } from "./base/database-bundle.ts";
  export const database: DatabaseBundle;
}

declare module "erth:native/*" {
  /** The addon's exports, loaded from beside the script or from the private cache. */
  const addon: unknown;
  export default addon;
}

declare module "erth:shell" {
  import type { Shell } from "./shell/shell.ts";
  /** The shell that this bundle was built for; `identifier` names the program to the desktop. */
  export function createShell(identifier: string): Shell;
  /** Relative path from the folder of the running script to the folder that holds `app.json`. */
  export const resourcesFromScript: string;
}

declare module "*.css" {
  const text: string;
  export default text;
}

declare module "*.min.js" {
  const text: string;
  export default text;
}

declare module "*.svg" {
  const text: string;
  export default text;
}

declare module "*.sql" {
  const text: string;
  export default text;
}
