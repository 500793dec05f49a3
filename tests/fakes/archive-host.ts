/** A loopback web server of files, with Range support and faults on order; it records what it is asked. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** How to answer one request; without any, files are served whole or by range. */
type Answer =
  | { readonly kind: "status"; readonly status: number }
  /** Declares the whole length, sends so many bytes, then drops the connection. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** Sends so many bytes, then nothing more. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** Sends so many bytes at a time, with a pause between them. */
  | { readonly kind: "drip"; readonly chunkBytes: number; readonly everyMs: number }
  | { readonly kind: "redirect"; readonly to: string }
  /** Ignores Range. */
  | { readonly kind: "whole" }
  /** Other bytes than the file's; ignores Range. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

interface RecordedRequest {
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface ArchiveHost {
  /** Without a trailing slash. */
  readonly url: string;
  readonly requests: readonly RecordedRequest[];
  /** The files by path ("/a.tar.gz"); may be changed at any time. */
  readonly files: Map<string, Uint8Array>;
  /** The next requests of this path get these answers, one each. */
  answer(path: string, ...answers: readonly Answer[]): void;
  /** Refuses a request before it is answered, with this status; for tokens. */
  guard(check: (request: RecordedRequest) => number | undefined): void;
  close(): Promise<void>;
}

export async function startArchiveHost(files: Readonly<Record<string, Uint8Array>> = {}): Promise<ArchiveHost> {
  const served = new Map(Object.entries(files));
  const requests: RecordedRequest[] = [];
  const answers = new Map<string, Answer[]>();
  let check: (request: RecordedRequest) => number | undefined = () => undefined;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://host").pathname);
    const { range, authorization } = request.headers;
    const recorded: RecordedRequest = { path, range, authorization };
    requests.push(recorded);
    const refused = check(recorded);
    if (refused !== undefined) return void response.writeHead(refused).end();
    await respond(response, served.get(path), range, answers.get(path)?.shift());
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    files: served,
    answer: (path, ...more) => void answers.set(path, [...(answers.get(path) ?? []), ...more]),
    guard: (guard) => void (check = guard),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function respond(
  response: ServerResponse,
  file: Uint8Array | undefined,
  range: string | undefined,
  answer: Answer | undefined,
): Promise<void> {
  if (answer?.kind === "status") return void response.writeHead(answer.status).end();
  if (answer?.kind === "redirect") return void response.writeHead(302, { location: answer.to }).end();
  const whole = answer?.kind === "bytes" ? answer.bytes : file;
  if (whole === undefined) return void response.writeHead(404).end();
  const ranged = answer?.kind !== "whole" && answer?.kind !== "bytes" ? /^bytes=(\d+)-$/.exec(range ?? "") : null;
  const start = ranged === null ? 0 : Number(ranged[1]);
  if (ranged !== null && start >= whole.length) return void response.writeHead(416).end();
  response.writeHead(ranged === null ? 200 : 206, {
    "content-length": whole.length - start,
    ...(ranged === null ? {} : { "content-range": `bytes ${start}-${whole.length - 1}/${whole.length}` }),
  });
  const body = whole.subarray(start);
  if (answer?.kind === "cut" || answer?.kind === "stall") {
    await new Promise((resolve) => response.write(body.subarray(0, answer.afterBytes), resolve));
    // The bytes must be on their way before the connection goes.
    if (answer.kind === "cut") setTimeout(() => response.destroy(), 20);
    return;
  }
  if (answer?.kind === "drip") {
    for (let at = 0; at < body.length && !response.destroyed; at += answer.chunkBytes) {
      response.write(body.subarray(at, at + answer.chunkBytes));
      await sleep(answer.everyMs);
    }
    return void response.end();
  }
  response.end(body);
}
