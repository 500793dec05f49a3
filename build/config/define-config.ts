/**
 * What an app's `erth.config.ts` imports. Nothing is loaded here at run time:
 * a config file stays cheap to read.
 */
import type { UserConfig } from "./schema.ts";

export type { UserConfig } from "./schema.ts";

/** Returns the config as it is; gives an editor the types. Validation is `resolveConfig`'s. */
export function defineConfig(config: UserConfig): UserConfig {
  return config;
}
