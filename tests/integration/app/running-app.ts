/** The app on a loopback port over a store in memory, without the supervisor's checks. */
import { serve } from "@hono/node-server";
import type { Store } from "../../../runtime/database/store.ts";
import { memoryStore } from "../../unit/app/memory-store.ts";
import { testApp } from "../../unit/app/test-app.ts";

export interface RunningApp {
  readonly url: string;
  readonly store: Store;
  /** Ends every connection, as a killed sidecar does. */
  stop(): Promise<void>;
}

/** Starts the app on a port of the system's choice. */
export function startApp(store: Store = memoryStore()): Promise<RunningApp> {
  const { server } = testApp({ store, nowMs: Date.now });
  return new Promise((resolve, reject) => {
    const listener = serve({ fetch: server.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
      resolve({
        url: `http://127.0.0.1:${port}/`,
        store,
        stop: () =>
          new Promise((done) => {
            listener.close(() => done());
            if ("closeAllConnections" in listener) listener.closeAllConnections();
          }),
      });
    });
    listener.once("error", reject);
  });
}
