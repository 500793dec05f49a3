/**
 * The sidecar of ERTH Assistant: opens the database, embeds the files of the
 * pages as text and serves. The only module that can run only once bundled.
 */
import { database } from "erth:database";
import { openDatabase } from "../../runtime/database/open.ts";
import { serveSidecar } from "../../runtime/sidecar/serve.ts";
import icon from "../icons/icon.svg" with { type: "text" };
import keyboard from "../ui/keyboard.js" with { type: "text" };
import styles from "../ui/styles.css" with { type: "text" };
import htmx from "../ui/vendor/htmx.min.js" with { type: "text" };
import htmxCsp from "../ui/vendor/hx-csp.min.js" with { type: "text" };
import { assetsOf } from "./assets.ts";
import { createServer } from "./server.tsx";

const assets = assetsOf({ htmx, htmxCsp, keyboard, styles, icon });

// No top-level await: the bundle for `pkg` is CommonJS.
serveSidecar(async (context) => {
  const store = openDatabase({ folder: context.dataFolder, bundle: database });
  const server = createServer({
    store,
    assets,
    app: context.app,
    // stderr is the sidecar's log.
    onFailure: (error) => console.error(error),
  });
  return { fetch: (request) => server.fetch(request), close: () => store.close() };
}).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
