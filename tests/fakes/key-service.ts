/** What the stand-ins for cloud key services share: a loopback JSON server with faults on order, and a world without waiting. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { RestWorld } from "../../signing/keys/rest.ts";

export interface ServiceRequest {
  readonly method: string;
  /** As sent, still encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How one request goes wrong instead of being answered. */
export type ServiceFault =
  | ({ readonly kind: "answer" } & ServiceAnswer)
  /** The connection is reset before an answer. */
  | { readonly kind: "reset" }
  /** The answer's head and half of its body, then a reset. */
  | { readonly kind: "cut" }
  /** No answer at all. */
  | { readonly kind: "hang" }
  /** Status 200 and this text. */
  | { readonly kind: "text"; readonly text: string }
  /** The right answer, changed. */
  | { readonly kind: "change"; readonly change: (answer: ServiceAnswer) => ServiceAnswer };

export interface KeyService {
  /** Without a trailing slash. */
  readonly url: string;
  readonly requests: readonly ServiceRequest[];
  /** The next requests whose path matches go wrong like this, one each. */
  fail(path: RegExp, ...faults: readonly ServiceFault[]): void;
  close(): Promise<void>;
}

export const status = (code: number, body: unknown = {}, headers: Record<string, string> = {}): ServiceFault => ({
  kind: "answer",
  status: code,
  body,
  headers,
});

export async function startKeyService(handle: (request: ServiceRequest) => ServiceAnswer): Promise<KeyService> {
  const requests: ServiceRequest[] = [];
  const faults: { readonly path: RegExp; readonly fault: ServiceFault }[] = [];

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const [path = "/", query = ""] = (request.url ?? "/").split("?");
    const asked: ServiceRequest = {
      method: request.method ?? "",
      path,
      query: new URLSearchParams(query),
      headers: request.headers,
      body: Buffer.concat(chunks).toString("utf8"),
    };
    requests.push(asked);
    const at = faults.findIndex((entry) => entry.path.test(path));
    const fault = at < 0 ? undefined : faults.splice(at, 1)[0]?.fault;
    if (fault?.kind === "hang") return;
    if (fault?.kind === "reset") return void request.socket.resetAndDestroy();
    if (fault?.kind === "text") return void response.writeHead(200).end(fault.text);
    const right = fault?.kind === "answer" ? fault : handle(asked);
    const answer = fault?.kind === "change" ? fault.change(right) : right;
    const text = JSON.stringify(answer.body);
    response.writeHead(answer.status, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      ...answer.headers,
    });
    if (fault?.kind !== "cut") return void response.end(text);
    response.write(text.slice(0, text.length / 2), () => setTimeout(() => request.socket.resetAndDestroy(), 10));
  };
  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    fail: (path, ...more) => void faults.push(...more.map((fault) => ({ path, fault }))),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface FakeWorld extends RestWorld {
  /** Every wait that was asked for, in milliseconds; none is waited, the clock moves instead. */
  readonly waits: readonly number[];
  /** Moves the clock. */
  pass(ms: number): void;
}

/** A world at noon on 1 June 2026 whose waits take no time. */
export function fakeWorld(changes: Partial<RestWorld> = {}): FakeWorld {
  let nowMs = Date.parse("2026-06-01T12:00:00Z");
  const waits: number[] = [];
  return {
    fetch,
    now: () => new Date(nowMs),
    sleep: async (ms) => {
      waits.push(ms);
      nowMs += ms;
    },
    timeoutMs: 5000,
    attempts: 4,
    waits,
    pass: (ms) => void (nowMs += ms),
    ...changes,
  };
}
