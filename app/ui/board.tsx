/**
 * The part of the page that every change redraws: filter, lists and what is
 * said when they are empty. htmx morphs it in place, so focus stays.
 */
import type { FC, PropsWithChildren } from "hono/jsx";
import type { Listing, Todo } from "../sidecar/todos.ts";
import { addressOf, PAGE_SIZE, SHOWS, type Show } from "../sidecar/view.ts";
import { HorizonDrawing } from "./icons.tsx";
import { useNonce } from "./nonce.ts";
import { TodoRow } from "./todo-row.tsx";

interface BoardProps {
  readonly listing: Listing;
  /** Key of the todo that takes the keyboard focus. */
  readonly focusId?: string | undefined;
}

export const Board: FC<BoardProps> = ({ listing, focusId }) => {
  const { view, open, done, found } = listing;
  const isCut =
    (view.show !== "done" && open.length < found.open) || (view.show !== "open" && done.length < found.done);
  return (
    <section id="board" aria-label="Todos">
      <Filter listing={listing} />
      {open.length + done.length === 0 && <Nothing listing={listing} />}
      <List title="To do" isTitleHidden todos={open} focusId={focusId} />
      <List title="Done" isTitleHidden={view.show === "done"} todos={done} focusId={focusId} />
      {isCut && <More listing={listing} />}
      {/* The search keeps the filter. */}
      <input id="show" type="hidden" name="show" value={view.show} />
    </section>
  );
};

const SHOW_NAMES: Readonly<Record<Show, string>> = { all: "All", open: "Open", done: "Done" };

const Filter: FC<{ readonly listing: Listing }> = ({ listing: { view, found } }) => {
  const nonce = useNonce();
  const numbers = { all: found.open + found.done, open: found.open, done: found.done };
  return (
    <nav class="filter" aria-label="Filter">
      {SHOWS.map((show) => {
        const address = addressOf({ ...view, show, limit: PAGE_SIZE });
        return (
          <a
            id={`show-${show}`}
            href={address}
            aria-current={show === view.show ? "page" : undefined}
            hx-get={address}
            hx-replace-url="true"
            hx-nonce={nonce}
          >
            {SHOW_NAMES[show]} <span class="number">{numbers[show]}</span>
          </a>
        );
      })}
    </nav>
  );
};

interface ListProps {
  readonly title: string;
  readonly isTitleHidden: boolean;
  readonly todos: readonly Todo[];
  readonly focusId: string | undefined;
}

const List: FC<ListProps> = ({ title, isTitleHidden, todos, focusId }) =>
  todos.length === 0 ? null : (
    <>
      <h2 class={isTitleHidden ? "hidden" : "heading"}>{title}</h2>
      <ul id={`list-${title === "Done" ? "done" : "open"}`} class="list">
        {todos.map((todo) => (
          <TodoRow todo={todo} focused={todo.id === focusId} />
        ))}
      </ul>
    </>
  );

/** Why there is nothing to see, and what to do about it. */
const Nothing: FC<{ readonly listing: Listing }> = ({ listing: { view, total } }) => {
  if (view.query !== "") {
    return (
      <Empty title="Nothing found">
        <p>
          No todo {view.show === "all" ? "" : `under ${SHOW_NAMES[view.show]} `}matches “<bdi>{view.query}</bdi>”.
        </p>
        <p>
          <a class="button" href={addressOf({ ...view, query: "", limit: PAGE_SIZE })}>
            Clear the search
          </a>
        </p>
      </Empty>
    );
  }
  if (total.open + total.done === 0) {
    return (
      <Empty title="A clear horizon" ticked>
        <p>
          Nothing to do yet. Press <kbd>N</kbd> and write down the first thing.
        </p>
      </Empty>
    );
  }
  return view.show === "open" ? (
    <Empty title="All done" ticked>
      <p>Everything on your list is ticked off.</p>
    </Empty>
  ) : (
    <Empty title="Nothing done yet">
      <p>What you tick off is kept here.</p>
    </Empty>
  );
};

interface EmptyProps {
  readonly title: string;
  readonly ticked?: boolean;
}

const Empty: FC<PropsWithChildren<EmptyProps>> = ({ title, ticked = false, children }) => (
  <div class="empty">
    <HorizonDrawing ticked={ticked} />
    <h2>{title}</h2>
    {children}
  </div>
);

const More: FC<{ readonly listing: Listing }> = ({ listing: { view } }) => {
  const nonce = useNonce();
  const address = addressOf({ ...view, limit: view.limit + PAGE_SIZE });
  return (
    <p class="more">
      <a id="more" class="button" href={address} hx-get={address} hx-replace-url="true" hx-nonce={nonce}>
        Show more
      </a>
    </p>
  );
};
