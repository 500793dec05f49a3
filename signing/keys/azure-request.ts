/** One request to an Azure data plane: bearer token, JSON both ways, the token renewed once when it is refused. */
import { judgeAzure, readAzureFault, type AzureRemedies } from "./azure-fault.ts";
import type { AccessTokens } from "./oauth-token.ts";
import type { JsonObject } from "./rest-answer.ts";
import { askService, type RestWorld } from "./rest.ts";

export interface AzureService {
  /** Names the service in messages. */
  readonly name: string;
  readonly tokens: AccessTokens;
  readonly remedies: AzureRemedies;
}

export type AskAzure = (method: "GET" | "POST", url: URL, body?: JsonObject) => Promise<JsonObject>;

/** Asks the service with its tokens; errors are those of `askService`, with the service's remedies. */
export function azureRequests({ name, tokens, remedies }: AzureService, world: RestWorld): AskAzure {
  return async (method, url, body) => {
    const answer = await askService(
      {
        name,
        request: async () => {
          const token = await tokens.get();
          const headers = { "content-type": "application/json", authorization: `Bearer ${token.reveal()}` };
          return {
            method,
            url,
            headers,
            secrets: [token],
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          };
        },
        readFault: readAzureFault,
        judge: (fault) => judgeAzure(fault, remedies),
        renew: () => tokens.drop(),
      },
      world,
    );
    return answer.body;
  };
}
