/** A server for a fetch handler on 127.0.0.1, on a port the OS picks: `node:http` on Node, `Bun.serve` on Bun. */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";

export type Handler = (request: Request) => Response | Promise<Response>;

export interface Listener {
  readonly port: number;
  /** Refuses new requests; those that run go on. */
  stopAccepting(): void;
  /** Ends every connection, streams included. */
  close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";

/** Listens; the handler is made once the port is known. */
export function listenOnLoopback(handlerFor: (port: number) => Handler): Promise<Listener> {
  return typeof Bun === "undefined" ? listenOnNode(handlerFor) : listenOnBun(handlerFor);
}

/** Before the port is known, and on connections that outlive `stopAccepting`. */
const closed: Handler = () => new Response(null, { status: 503, headers: { connection: "close" } });

function listenOnNode(handlerFor: (port: number) => Handler): Promise<Listener> {
  return new Promise((resolve, reject) => {
    let handler = closed;
    const listen = getRequestListener((request) => handler(request));
    const server = createServer((incoming, outgoing) => void listen(incoming, outgoing));
    server.once("error", reject);
    server.listen({ host: LOOPBACK, port: 0, exclusive: true }, () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("the server has no port"));
      handler = handlerFor(address.port);
      resolve({
        port: address.port,
        stopAccepting: () => {
          handler = closed;
          server.close();
        },
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

async function listenOnBun(handlerFor: (port: number) => Handler): Promise<Listener> {
  let handler = closed;
  const server = Bun.serve({
    hostname: LOOPBACK,
    port: 0,
    // The default of 10 s would cut event streams.
    idleTimeout: 0,
    // No page with the stack.
    development: false,
    fetch: (request) => handler(request),
  });
  const { port } = server;
  if (port === undefined) throw new Error("the server has no port");
  handler = handlerFor(port);
  return {
    port,
    // Not `stop(false)`: after it, `stop(true)` no longer ends the connections that are open.
    stopAccepting: () => {
      handler = closed;
    },
    close: () => server.stop(true),
  };
}
