/**
 * The HTTP face of the app: every route answers with HTML, a whole page to a
 * browser and fragments to htmx. Every change can be sent twice without harm.
 * Host, Origin and cookie are checked before this, in `runtime/sidecar/serve.ts`.
 */
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { html } from "hono/html";
import { HTTPException } from "hono/http-exception";
import type { Child } from "hono/jsx";
import { v7 as uuidV7 } from "uuid";
import type { Store } from "../../runtime/database/store.ts";
import { Board } from "../ui/board.tsx";
import { AddForm, SearchField } from "../ui/controls.tsx";
import { Nonce } from "../ui/nonce.ts";
import { MessagePage, Page } from "../ui/page.tsx";
import { TodoEditor, TodoRow } from "../ui/todo-row.tsx";
import { CountUpdate, DeletedNotice, ProblemNotice, RestoredNotice } from "../ui/updates.tsx";
import type { Assets } from "./assets.ts";
import { type AppEnv, appHeaders } from "./headers.ts";
import { neighbourOf } from "./neighbour.ts";
import { checkTitle } from "./title.ts";
import { addTodo, deleteTodo, findTodo, type Listing, listTodos, renameTodo, restoreTodo, setDone } from "./todos.ts";
import { addressOf, type View, viewOf, viewOfPage, WHOLE_VIEW } from "./view.ts";

export interface ServerOptions {
  readonly store: Store;
  readonly app: { readonly name: string };
  readonly assets: Assets;
  readonly nowMs?: () => number;
  /** A new UUIDv7. */
  readonly newId?: () => string;
  /** Told of every failure that becomes a 500; never of what the user wrote. */
  readonly onFailure?: (error: unknown) => void;
}

const LARGEST_BODY_BYTES = 64 * 1024;
const GONE = "That todo is not there any more.";
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

type Answer = Response | Promise<Response>;

/** The app's routes over this store. */
export function createServer(options: ServerOptions): Hono<AppEnv> {
  const { store, assets, app, nowMs = Date.now, newId = uuidV7, onFailure = () => undefined } = options;
  const server = new Hono<AppEnv>();

  type Request = Context<AppEnv>;
  type Status = 200 | 201 | 404 | 413 | 422 | 500 | 400;

  /** htmx that wants a part of the page; after going back in history it wants the whole. */
  const isPartial = (c: Request): boolean =>
    c.req.header("HX-Request") === "true" && c.req.header("HX-Request-Type") !== "full";

  const fragment = (c: Request, content: Child, status: Status = 200): Answer =>
    c.html(<Nonce.Provider value={c.get("secureHeadersNonce") ?? ""}>{content}</Nonce.Provider>, status);

  const page = (c: Request, content: Child, status: Status = 200): Answer =>
    c.html(
      html`<!doctype html>${<Nonce.Provider value={c.get("secureHeadersNonce") ?? ""}>{content}</Nonce.Provider>}`,
      status,
    );

  const pageView = (c: Request): View => viewOfPage(c.req.header("HX-Current-URL"));

  /** The board of a view with the counter; `extra` rides along out of band. */
  const board = (
    c: Request,
    with_: { listing?: Listing; focusId?: string | undefined; extra?: Child; status?: Status } = {},
  ): Answer => {
    const listing = with_.listing ?? listTodos(store, pageView(c));
    return fragment(
      c,
      <>
        <Board listing={listing} focusId={with_.focusId} />
        <CountUpdate app={app.name} total={listing.total} />
        {with_.extra}
      </>,
      with_.status,
    );
  };

  const gone = (c: Request): Answer => board(c, { status: 404, extra: <ProblemNotice problem={GONE} /> });

  const fail = (c: Request, status: Status, title: string, message: string): Answer =>
    isPartial(c)
      ? fragment(c, <ProblemNotice problem={message} />, status)
      : page(c, <MessagePage app={app.name} assets={assets} title={title} message={message} />, status);

  server.use(appHeaders());
  server.use(async (c, next) => {
    await next();
    if (!c.res.headers.has("Cache-Control")) c.res.headers.set("Cache-Control", "no-store");
  });
  server.use(
    bodyLimit({
      maxSize: LARGEST_BODY_BYTES,
      onError: (c) => fail(c, 413, "Too much", "That is more text than a todo holds."),
    }),
  );

  for (const { path, type, text } of Object.values(assets)) {
    server.get(path, (c) =>
      c.body(text, 200, { "Content-Type": type, "Cache-Control": "private, max-age=31536000, immutable" }),
    );
  }

  server.get("/", (c) => {
    const view = viewOf(new URL(c.req.url).searchParams);
    const listing = listTodos(store, view);
    c.header("Vary", "HX-Request, HX-Request-Type");
    if (!isPartial(c)) return page(c, <Page app={app.name} assets={assets} listing={listing} nextId={newId()} />);
    // The address without the parameters that say nothing.
    c.header("HX-Replace-Url", addressOf(view));
    return board(c, { listing });
  });

  server.post("/todos", async (c) => {
    const form = await formOf(c);
    const id = ID.test(form("key")) ? form("key") : newId();
    const check = checkTitle(form("title"));
    if (!check.ok) {
      const { problem } = check;
      if (!isPartial(c)) return fail(c, 422, "Not added", problem);
      return fragment(c, <AddForm id={id} isUpdate typed={form("title")} problem={problem} />, 422);
    }
    // A taken key with the same title is the same request again; with another title it is a form from an old page.
    if (!addTodo(store, id, check.title, nowMs()) && findTodo(store, id)?.title !== check.title) {
      addTodo(store, newId(), check.title, nowMs());
    }
    if (!isPartial(c)) return c.redirect("/", 303);
    const before = pageView(c);
    // What was just added has to be seen: a search or "done" would hide it.
    const view: View = { ...WHOLE_VIEW, show: before.show === "done" ? "all" : before.show };
    c.header("HX-Replace-Url", addressOf(view));
    return board(c, {
      listing: listTodos(store, view),
      status: 201,
      extra: (
        <>
          <AddForm id={newId()} isUpdate />
          {before.query !== "" && <SearchField query="" isUpdate />}
        </>
      ),
    });
  });

  server.get("/todos/:id", (c) => {
    const todo = findTodo(store, c.req.param("id"));
    return todo ? fragment(c, <TodoRow todo={todo} focused />) : goneRow(c);
  });

  server.get("/todos/:id/edit", (c) => {
    const todo = findTodo(store, c.req.param("id"));
    return todo ? fragment(c, <TodoEditor todo={todo} />) : goneRow(c);
  });

  /** As `gone`, for a request that would have replaced one row. */
  const goneRow = (c: Request): Answer => {
    c.header("HX-Retarget", "#board");
    c.header("HX-Reswap", "outerMorph");
    return gone(c);
  };

  server.put("/todos/:id", async (c) => {
    const form = await formOf(c);
    const id = c.req.param("id");
    // Enter sends `by`; a save because the focus went elsewhere leaves it there.
    const hasFocus = form("by") === "enter";
    const check = checkTitle(form("title"));
    const todo = check.ok ? renameTodo(store, id, check.title, nowMs()) : findTodo(store, id);
    if (!todo) return gone(c);
    // Leaving an emptied field changes nothing; it must not hold the user there.
    if (check.ok || (check.isEmpty && !hasFocus)) return board(c, { focusId: hasFocus ? id : undefined });
    c.header("HX-Retarget", `#todo-${todo.id}`);
    c.header("HX-Reswap", "outerHTML");
    return fragment(
      c,
      <TodoEditor todo={todo} typed={form("title")} problem={check.problem} focused={hasFocus} />,
      422,
    );
  });

  server.put("/todos/:id/done", async (c) => {
    const form = await formOf(c);
    const id = c.req.param("id");
    const isDone = form("done");
    if (isDone !== "true" && isDone !== "false") throw new HTTPException(400);
    const before = listTodos(store, pageView(c));
    const todo = setDone(store, id, isDone === "true", nowMs());
    if (!todo) return gone(c);
    // The focus follows the todo, so that a second press takes the first back, unless the filter hides it now.
    const isHidden = before.view.show === (todo.isDone ? "open" : "done");
    return board(c, { focusId: isHidden ? neighbourOf(before, id) : id });
  });

  server.delete("/todos/:id", (c) => {
    const id = c.req.param("id");
    const before = listTodos(store, pageView(c));
    const todo = deleteTodo(store, id, nowMs());
    if (!todo) return gone(c);
    return board(c, { focusId: neighbourOf(before, id), extra: <DeletedNotice todo={todo} /> });
  });

  server.put("/todos/:id/restore", (c) => {
    const todo = restoreTodo(store, c.req.param("id"), nowMs());
    return todo ? board(c, { focusId: todo.id, extra: <RestoredNotice todo={todo} /> }) : gone(c);
  });

  server.notFound((c) => fail(c, 404, "Not found", "There is nothing at this address."));

  server.onError((error, c) => {
    if (error instanceof HTTPException && error.status === 400) {
      return fail(c, 400, "Not understood", "That request could not be read. Nothing was changed.");
    }
    onFailure(error);
    return fail(c, 500, "Something went wrong", "Something went wrong. Nothing was lost: please try again.");
  });

  return server;
}

/** The form's text fields; a missing one is empty. A body that is not a form is a 400. */
async function formOf(c: Context): Promise<(name: string) => string> {
  const fields = await c.req.parseBody().catch((cause: unknown) => {
    throw new HTTPException(400, { cause });
  });
  return (name) => {
    const value = fields[name];
    return typeof value === "string" ? value : "";
  };
}
