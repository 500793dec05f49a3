/**
 * A stand-in for Apple's notary service, the S3 bucket behind it and the
 * ticket service, in one loopback server that follows the documented
 * protocols and checks what it gets with libraries that the product does not
 * use: tokens with `jose`, upload signatures with `aws4`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { KeyObject } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type CloudKitFault, type CloudKitState, newCloudKitState, serveCloudKit } from "./notary-cloudkit.ts";
import { newS3State, type S3Fault, type S3State, serveS3 } from "./notary-s3.ts";
import { newNotaryState, type NotaryState, serveNotary } from "./notary-service.ts";

/** What any request may meet, once each, in the order given. */
export type NetworkFault =
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | { readonly kind: "reset" }
  | { readonly kind: "slow"; readonly ms: number }
  /** Announces the whole answer, sends half of it. */
  | { readonly kind: "truncated" };

export type Route = "submit" | "status" | "list" | "logs" | "log-file" | "s3" | "ticket";

export interface NotaryFake {
  /** `…/notary/v2/submissions`. */
  readonly notaryUrl: string;
  /** Origin; objects at `/<bucket>/<object>`. */
  readonly s3Url: string;
  readonly ticketUrl: string;
  readonly notary: NotaryState;
  readonly s3: S3State;
  readonly cloudKit: CloudKitState;
  /** What was asked, as `POST submit 200`. */
  readonly seen: readonly string[];
  fail(route: Route, ...faults: readonly (NetworkFault | S3Fault | CloudKitFault)[]): void;
  close(): Promise<void>;
}

export interface NotaryFakeOptions {
  readonly publicKey: KeyObject;
  readonly keyId: string;
  /** Undefined: an individual key. */
  readonly issuer: string | undefined;
  /** The service's own clock. */
  readonly now: () => Date;
}

type AnyFault = NetworkFault | S3Fault | CloudKitFault;

export async function startNotaryFake(options: NotaryFakeOptions): Promise<NotaryFake> {
  const faults = new Map<Route, AnyFault[]>();
  const seen: string[] = [];
  const server = createServer((request, response) => {
    const route = routeOf(request);
    response.on("finish", () => seen.push(`${request.method} ${route ?? "?"} ${response.statusCode}`));
    handle(route, request, response).catch((error: unknown) => {
      seen.push(`${request.method} ${route ?? "?"} ${String(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const origin = `http://127.0.0.1:${address.port}`;
  const notary = newNotaryState(options, origin);
  const s3 = newS3State(options.now);
  const cloudKit = newCloudKitState();

  async function handle(route: Route | undefined, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (route === undefined) return void response.writeHead(404).end();
    const fault = faults.get(route)?.shift();
    const isOwn = fault !== undefined && (fault.kind === "s3" || fault.kind === "cloudkit");
    if (fault !== undefined && !isOwn && (await networkFault(fault, request, response))) return;
    if (route === "s3") return await serveS3(s3, notary, request, response, fault?.kind === "s3" ? fault : undefined);
    if (route === "ticket") {
      return await serveCloudKit(cloudKit, request, response, fault?.kind === "cloudkit" ? fault : undefined);
    }
    await serveNotary(notary, s3, route, request, response);
  }

  return {
    notaryUrl: `${origin}/notary/v2/submissions`,
    s3Url: origin,
    ticketUrl: `${origin}/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup`,
    notary,
    s3,
    cloudKit,
    seen,
    fail: (route, ...more) => void faults.set(route, [...(faults.get(route) ?? []), ...more]),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function routeOf(request: IncomingMessage): Route | undefined {
  const { pathname } = new URL(request.url ?? "/", "http://host");
  if (request.method === "PUT") return "s3";
  if (pathname.startsWith("/database/")) return "ticket";
  if (pathname.startsWith("/log-file/")) return "log-file";
  const rest = /^\/notary\/v2\/submissions(?:\/([^/]+))?(\/logs)?$/.exec(pathname);
  if (rest === null) return undefined;
  if (request.method === "POST") return rest[1] === undefined ? "submit" : undefined;
  if (rest[1] === undefined) return "list";
  return rest[2] === undefined ? "status" : "logs";
}

/** Returns whether the request has had its answer. */
async function networkFault(fault: AnyFault, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  if (fault.kind === "slow") {
    await delay(fault.ms);
    return false;
  }
  if (fault.kind === "reset") {
    request.socket.resetAndDestroy();
    return true;
  }
  request.resume();
  if (fault.kind === "truncated") {
    response.writeHead(200, { "content-length": "1000" });
    response.write('{"data":{"id":"');
    setTimeout(() => response.destroy(), 20);
    return true;
  }
  if (fault.kind !== "status") return false;
  response.writeHead(fault.status, { ...fault.headers }).end(fault.body ?? "");
  return true;
}
