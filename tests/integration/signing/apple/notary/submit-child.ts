/** A process that submits and then waits, to be killed: its settings come as one JSON line on stdin. */
import { text } from "node:stream/consumers";
import { Secret } from "../../../../../runtime/base/secret.ts";
import { resolveNotaryCredentials } from "../../../../../signing/apple/notary/credentials.ts";
import { notarize } from "../../../../../signing/apple/notary/notarize.ts";
import { systemSurroundings } from "../../../../../signing/apple/notary/surroundings.ts";

export interface ChildSettings {
  readonly path: string;
  readonly recordPath: string;
  readonly keyPem: string;
  readonly keyId: string;
  readonly issuer: string;
  readonly urls: { readonly notary: string; readonly s3: string };
}

const settings = JSON.parse(await text(process.stdin)) as ChildSettings;
const { path, recordPath, keyPem, keyId: appleApiKeyId, issuer: appleApiIssuer, urls } = settings;
const credentials = await resolveNotaryCredentials({ appleApiKey: new Secret(keyPem), appleApiKeyId, appleApiIssuer });
const around = systemSurroundings(new AbortController().signal, (line) => void process.stdout.write(`${line}\n`));
await notarize({ path, recordPath, credentials, around, urls });
