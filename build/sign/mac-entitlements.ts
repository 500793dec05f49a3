/**
 * Entitlements for a Mac app's programs: what Bun and Node need to run under
 * the hardened runtime, and on top what the config gives single programs.
 * Nothing is taken over from a vendor's signature.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ErthError, messageOf, systemCode } from "../../runtime/base/errors.ts";
import { defaultEntitlements } from "../../signing/apple/default-entitlements.ts";
import { type Entitlements, GET_TASK_ALLOW, parseEntitlementsXml } from "../../signing/apple/entitlements.ts";
import { naming } from "../tools/naming.ts";

export interface MacEntitlements {
  /** For a program by its path from the app's folder; undefined: none. */
  of(path: string): Promise<Entitlements | undefined>;
  /** Throws `SIGN_ENTITLEMENTS` where a program that the config names has not come by. */
  requireAllUsed(): void;
}

/** `configured`: file name or path in the app → property list, absolute. Throws `SIGN_ENTITLEMENTS`. */
export async function macEntitlements(
  app: string,
  configured: Readonly<Record<string, string>>,
): Promise<MacEntitlements> {
  const own = new Map<string, Entitlements>();
  for (const [program, path] of Object.entries(configured)) {
    own.set(program, await readEntitlements(`signing.apple.entitlements[${JSON.stringify(program)}]`, path));
  }
  const unused = new Set(own.keys());
  const seen: string[] = [];
  return {
    async of(path) {
      seen.push(path);
      const needed = await defaultEntitlements(join(app, path));
      const names = [path, basename(path)].filter((name) => own.has(name));
      for (const name of names) unused.delete(name);
      const given = names.map((name) => own.get(name));
      return needed === undefined && given.length === 0 ? undefined : Object.assign({}, needed, ...given.toReversed());
    },
    requireAllUsed() {
      const [first] = unused;
      if (first === undefined) return;
      throw new ErthError({
        code: "SIGN_ENTITLEMENTS",
        message: `signing.apple.entitlements names ${JSON.stringify(first)}, which the app does not have; its code is ${seen.sort().join(", ")}.`,
        remedy: "name a program by its file name or its path in the app",
      });
    },
  };
}

async function readEntitlements(field: string, path: string): Promise<Entitlements> {
  return naming(field, async () => {
    let xml: Uint8Array;
    try {
      xml = await readFile(path);
    } catch (cause) {
      throw new ErthError({
        code: "SIGN_ENTITLEMENTS",
        message: `${path} cannot be read: ${systemCode(cause) ?? messageOf(cause)}.`,
        remedy: "correct the path in erth.config.ts",
        cause,
      });
    }
    const entitlements = parseEntitlementsXml(xml);
    if (entitlements[GET_TASK_ALLOW] !== true) return entitlements;
    throw new ErthError({
      code: "SIGN_ENTITLEMENTS",
      message: `${path} gives ${GET_TASK_ALLOW}, with which any program can take over the app, and Apple notarizes nothing.`,
      remedy: "remove that entitlement; it is for debugging",
    });
  });
}
