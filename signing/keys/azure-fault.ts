/** How Azure's two signing services say no, and what to do about it. */
import { objectOf, textOf, type JsonObject } from "./rest-answer.ts";
import type { RestFault, RestJudgement } from "./rest.ts";

/** `error` of Key Vault, `errorDetail` of Artifact Signing, or the `title` of a problem document (RFC 9457). */
export function readAzureFault(body: JsonObject): { code?: string | undefined; message?: string | undefined } {
  const detail = { ...objectOf(body, "errorDetail"), ...objectOf(body, "error") };
  // Key Vault's own reason is one level down: `ForbiddenByPolicy`, `ForbiddenByFirewall`.
  const code = textOf(objectOf(detail, "innererror"), "code") ?? textOf(detail, "code");
  return { code, message: textOf(detail, "message") ?? textOf(body, "title") };
}

export interface AzureRemedies {
  readonly permission: string;
  readonly notFound: string;
  readonly other: string;
}

/** Judges by status; `remedies` are the service's own. */
export function judgeAzure({ status, code = "" }: RestFault, remedies: AzureRemedies): RestJudgement {
  if (status === 401) return "renew";
  if (code === "ForbiddenByFirewall") {
    return { code: "KEY_PERMISSION", remedy: "let this machine's address through the vault's firewall" };
  }
  if (/Disabled|Expired|NotYetValid/i.test(code)) {
    return {
      code: "KEY_DISABLED",
      remedy: "enable or renew the certificate and its key in Azure, then: erth doctor signing",
    };
  }
  if (status === 403) return { code: "KEY_PERMISSION", remedy: remedies.permission };
  if (status === 404) return { code: "KEY_NOT_FOUND", remedy: remedies.notFound };
  return { code: "KEY_REFUSED", remedy: remedies.other };
}
