/** What single values of the `signing` section must be. Pure. */
import { ErthError } from "../../runtime/base/errors.ts";
import { parsePkcs11Uri } from "../../signing/keys/pkcs11-uri.ts";
import type { Rule } from "./rules.ts";

/** The name of an environment variable. Whatever else stands there may be the secret itself. */
export const variableRule: Rule = (name) =>
  /^[A-Z_][A-Z0-9_]*$/.test(name)
    ? undefined
    : {
        reason: "it must be the name of an environment variable, in capitals, and never the secret itself",
        fix: 'put the secret into a variable and write its name, such as "APPLE_KEY_PASSWORD"',
        isPrivate: true,
      };

/** Apple's Team ID. */
export const teamIdRule: Rule = (teamId) =>
  /^[A-Z0-9]{10}$/.test(teamId)
    ? undefined
    : {
        reason: "a Team ID is ten capital letters and digits",
        fix: "copy it from developer.apple.com/account, under Membership",
      };

/** The address of an RFC 3161 server, or "none". */
export const timestampRule: Rule = (url) => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (url === "none" || (parsed && /^https?:$/.test(parsed.protocol) && !hasLogin(parsed))) return undefined;
  return {
    reason: "it must be the http or https address of a timestamp server, without credentials",
    fix: 'write timestamp: "http://timestamp.digicert.com", or leave it out',
    ...(parsed !== undefined && hasLogin(parsed) ? { isPrivate: true } : {}),
  };
};

/** The address of a key service. */
export const serviceRule: Rule = (url) => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol) && !hasLogin(parsed)) return undefined;
  return {
    reason: "it must be an https address, without credentials",
    fix: 'write it like "https://weu.codesigning.azure.net"',
    ...(parsed !== undefined && hasLogin(parsed) ? { isPrivate: true } : {}),
  };
};

/** A link for people: what the UAC prompt's program name leads to. */
export const linkRule: Rule = (url) =>
  URL.canParse(url) && /^https?:[\x21-\x7e]+$/.test(url)
    ? undefined
    : { reason: "it must be an http or https link", fix: 'write url: "https://example.com"' };

/** A PKCS #11 URI that names a module. */
export const pkcs11Rule: Rule = (uri) => {
  try {
    parsePkcs11Uri(uri);
    return undefined;
  } catch (error) {
    if (!(error instanceof ErthError)) throw error;
    // The URI may hold a PIN.
    return { reason: error.message.replace(/\.$/, ""), fix: error.remedy, isPrivate: true };
  }
};

function hasLogin({ username, password }: URL): boolean {
  return username !== "" || password !== "";
}
