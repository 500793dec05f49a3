/** The whole page, and the page for an address that is not there. */
import type { FC, PropsWithChildren } from "hono/jsx";
import type { Assets } from "../sidecar/assets.ts";
import type { Listing } from "../sidecar/todos.ts";
import { Board } from "./board.tsx";
import { AddForm, SearchField } from "./controls.tsx";
import { useNonce } from "./nonce.ts";
import { countText, titleText } from "./updates.tsx";

/**
 * Only hx-csp may extend htmx; nothing in an attribute is ever evaluated. A
 * request that gets no answer in ten seconds counts as lost. What the sidecar
 * says to strangers (403, 421) has no place on the page.
 */
const HTMX_CONFIG = JSON.stringify({
  extensions: "hx-csp",
  defaultTimeout: 10_000,
  includeIndicatorCSS: false,
  noSwap: [204, 304, 403, 421],
});

interface DocumentProps {
  readonly title: string;
  readonly assets: Assets;
}

const Document: FC<PropsWithChildren<DocumentProps>> = ({ title, assets, children }) => {
  const nonce = useNonce();
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="htmx-config" content={HTMX_CONFIG} />
        <title>{title}</title>
        <link rel="icon" type="image/svg+xml" href={assets.icon.path} />
        <link rel="stylesheet" href={assets.styles.path} nonce={nonce} />
        <script src={assets.htmx.path} nonce={nonce} defer></script>
        <script src={assets.htmxCsp.path} nonce={nonce} defer></script>
        <script src={assets.keyboard.path} nonce={nonce} defer></script>
      </head>
      {children}
    </html>
  );
};

interface PageProps {
  readonly app: string;
  readonly assets: Assets;
  readonly listing: Listing;
  /** Key of the next todo. */
  readonly nextId: string;
}

/** One change after the other (`hx-sync`): the last answer is the latest state. */
export const Page: FC<PageProps> = ({ app, assets, listing, nextId }) => {
  const nonce = useNonce();
  return (
    <Document title={titleText(app, listing.total)} assets={assets}>
      <body
        data-shortcuts
        hx-target:inherited="#board"
        hx-swap:inherited="outerMorph"
        hx-sync:inherited="body:queue all"
        hx-indicator:inherited="#busy"
        hx-nonce={nonce}
      >
        <a class="skip" href="#board">
          Skip to the list
        </a>
        <div id="busy" class="busy" aria-hidden="true"></div>
        <header class="top">
          <img class="mark" src={assets.icon.path} width="28" height="28" alt="" />
          <span class="brand">{app}</span>
          <SearchField query={listing.view.query} />
        </header>
        <main>
          <div class="lead">
            <h1>Todos</h1>
            <p id="count" class="count" role="status">
              {countText(listing.total)}
            </p>
          </div>
          <AddForm id={nextId} />
          <Board listing={listing} />
        </main>
        <div id="notices" class="notices" role="status" aria-live="polite"></div>
        <div class="lost" role="alert">
          <p>
            <span class="pulse" aria-hidden="true"></span>
            <span class="lost-text">Reconnecting…</span>
          </p>
          <a class="text-button" href="/">
            Try again
          </a>
        </div>
      </body>
    </Document>
  );
};

/** A page with one message and the way back. */
export const MessagePage: FC<{ app: string; assets: Assets; title: string; message: string }> = (props) => (
  <Document title={`${props.title} · ${props.app}`} assets={props.assets}>
    <body>
      <main class="message">
        <img class="mark" src={props.assets.icon.path} width="56" height="56" alt="" />
        <h1>{props.title}</h1>
        <p>{props.message}</p>
        <p>
          <a class="button" href="/">
            Back to your todos
          </a>
        </p>
      </main>
    </body>
  </Document>
);
