/** `package.msix`: who an app package says it is, to Windows and to the Store. */
import { z } from "zod";
import { ruled } from "../ruled.ts";
import type { Rule } from "../rules.ts";
import { isReservedOnWindows } from "../slug.ts";

export interface MsixConfig {
  readonly identityName: string;
  /** The certificate's subject, as Windows writes it. */
  readonly publisher: string;
  /** Four numbers; undefined: the app's own version with a zero behind it. */
  readonly version: string | undefined;
}

const MAX_PUBLISHER_CHARACTERS = 8192;

/** `ST_PackageName` of the manifest's schema, and the names of devices. */
export const identityNameRule: Rule = (name) => {
  const fix = 'write identityName: "Example.MyApp", or the name that Partner Center shows';
  if (/[^A-Za-z0-9.-]/.test(name)) return { reason: "it may have letters a-z, digits, dots and hyphens", fix };
  if (name.length < 3 || name.length > 50)
    return { reason: `it has ${name.length} characters and may have 3 to 50`, fix };
  return isReservedOnWindows(name) ? { reason: "it is the name of a device", fix } : undefined;
};

const KEY =
  "(?:CN|L|O|OU|E|C|S|STREET|T|G|I|SN|DC|SERIALNUMBER|Description|PostalCode|POBox|Phone|X21Address|dnQualifier|OID(?:\\.\\d+)+)";
const FIELD = `${KEY}=(?:[^,+="<>#;]+|"(?:[^"]|"")*")`;
/** `ST_Publisher_2010_v2` of the manifest's schema. */
const PUBLISHER = new RegExp(`^${FIELD}(?:, ${FIELD})*$`);

const publisherRule: Rule = (publisher) => {
  if (PUBLISHER.test(publisher) && publisher.length <= MAX_PUBLISHER_CHARACTERS) return undefined;
  return {
    reason: "it must be a certificate's subject, as Windows writes it",
    fix: 'write publisher: "CN=Example Ltd, O=Example Ltd, C=US", or what Partner Center shows; erth sign tells it',
  };
};

const versionRule: Rule = (version) => {
  const numbers = version.split(".");
  const isRight =
    numbers.length === 4 && numbers.every((one) => /^(?:0|[1-9]\d{0,4})$/.test(one) && Number(one) < 65_536);
  return isRight
    ? undefined
    : {
        reason: "it must be four numbers up to 65535",
        fix: 'write version: "1.2.3.0"; the Store wants the last one to be 0',
      };
};

export const msixSchema = z
  .strictObject({
    identityName: ruled(
      identityNameRule,
      "Identity of the package, the app's identifier by default; for the Store what Partner Center shows.",
      "Example.MyApp",
    ).optional(),
    publisher: ruled(
      publisherRule,
      "Subject of the signing certificate, `CN=` and app.publisher by default; for the Store what Partner Center shows.",
      "CN=Example Ltd, O=Example Ltd, C=US",
    ).optional(),
    version: ruled(
      versionRule,
      "Four numbers, app.version and a zero by default; a prerelease has to say which it is.",
      "1.2.3.0",
    ).optional(),
  })
  .describe("The app package of Windows, for the Store and for managed installs.");

/** The section with its defaults, which are judged where the package is made: not every app has one. */
export function resolveMsix(
  asked: z.input<typeof msixSchema> | undefined,
  app: { readonly identifier: string; readonly publisher: string },
): MsixConfig {
  return {
    identityName: asked?.identityName ?? app.identifier,
    publisher: asked?.publisher ?? `CN=${quoted(app.publisher)}`,
    version: asked?.version,
  };
}

function quoted(name: string): string {
  return /[,+="<>#;]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
