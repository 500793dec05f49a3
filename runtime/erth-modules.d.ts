/** Modules that exist only inside a bundle: `build/` supplies them to esbuild. */
// oxlint-disable typescript/consistent-type-imports -- the only form that an ambient module allows

declare module "erth:database" {
  // An ambient module cannot import by relative name: the statement would quietly give `any`.
  export const database: import("./base/database-bundle.ts").DatabaseBundle;
}

declare module "erth:native/*" {
  /** The addon's exports, loaded from beside the script or from the private cache. */
  const addon: unknown;
  export default addon;
}

declare module "erth:shell" {
  /** The shell that this bundle was built for; `identifier` names the program to the desktop. */
  export function createShell(identifier: string): import("./shell/shell.ts").Shell;
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
