/** The two fields that stay while the board changes: search and add. Both can also travel out of band. */
import type { FC } from "hono/jsx";
import { PlusDrawing, SearchDrawing } from "./icons.tsx";
import { useNonce } from "./nonce.ts";

/** The search field; `isUpdate` lets it replace the one on the page. */
export const SearchField: FC<{ readonly query: string; readonly isUpdate?: boolean }> = ({
  query,
  isUpdate = false,
}) => {
  const nonce = useNonce();
  return (
    <form
      id="search"
      class="field search"
      role="search"
      action="/"
      method="get"
      hx-swap-oob={isUpdate ? "true" : undefined}
    >
      <label for="query">
        <SearchDrawing />
        <span class="hidden">Search todos</span>
      </label>
      <input
        id="query"
        type="search"
        name="q"
        value={query}
        placeholder="Search"
        autocomplete="off"
        dir="auto"
        accesskey="f"
        aria-keyshortcuts="/ Control+F Meta+F"
        aria-controls="board"
        hx-get="/"
        hx-trigger="input changed delay:180ms"
        hx-include="#show"
        hx-replace-url="true"
        hx-nonce={nonce}
      />
      <kbd aria-hidden="true">/</kbd>
    </form>
  );
};

interface AddFormProps {
  /** Key of the todo that this form makes: sent twice, it makes one. */
  readonly id: string;
  readonly isUpdate?: boolean;
  readonly typed?: string;
  readonly problem?: string;
}

/** The form that adds a todo. */
export const AddForm: FC<AddFormProps> = ({ id, isUpdate = false, typed = "", problem }) => {
  const nonce = useNonce();
  return (
    <form
      id="add"
      class="add"
      action="/todos"
      method="post"
      hx-post="/todos"
      hx-swap-oob={isUpdate ? "true" : undefined}
      novalidate
      hx-nonce={nonce}
    >
      <div class="field">
        <label for="new-title">
          <PlusDrawing />
          <span class="hidden">New todo</span>
        </label>
        <input
          id="new-title"
          name="title"
          value={typed}
          placeholder="Add a todo"
          autocomplete="off"
          dir="auto"
          accesskey="n"
          aria-keyshortcuts="N Control+N Meta+N"
          aria-invalid={problem === undefined ? undefined : "true"}
          aria-describedby={problem === undefined ? undefined : "add-problem"}
          data-stop
          autofocus
        />
        {/* Not "id": a field of that name hides the form's own id from htmx. */}
        <input type="hidden" name="key" value={id} />
        <button class="text-button">Add</button>
      </div>
      {problem !== undefined && (
        <p id="add-problem" class="note is-problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
};
