/** One todo: to look at (`TodoRow`) and to change (`TodoEditor`). Both are an `li` with the same id. */
import type { FC } from "hono/jsx";
import type { Todo } from "../sidecar/todos.ts";
import { BinDrawing, PencilDrawing, TickDrawing } from "./icons.tsx";
import { useNonce } from "./nonce.ts";

interface TodoRowProps {
  readonly todo: Todo;
  /** Takes the keyboard focus once it is on the page. */
  readonly focused?: boolean;
}

/**
 * The box is a button, not an `input`: htmx morphs attributes, and an input
 * that the user touched no longer follows its `checked` attribute. Its request
 * says which state it wants, so that sending it twice does no harm.
 */
export const TodoRow: FC<TodoRowProps> = ({ todo, focused = false }) => {
  const nonce = useNonce();
  const path = `/todos/${todo.id}`;
  return (
    <li id={`todo-${todo.id}`} class={todo.isDone ? "todo is-done" : "todo"} data-shortcuts>
      <button
        id={`box-${todo.id}`}
        class="box"
        type="button"
        role="checkbox"
        aria-checked={todo.isDone ? "true" : "false"}
        aria-labelledby={`title-${todo.id}`}
        data-stop
        autofocus={focused}
        hx-put={`${path}/done`}
        hx-vals={JSON.stringify({ done: String(!todo.isDone) })}
        hx-nonce={nonce}
      >
        <TickDrawing />
      </button>
      <span
        id={`title-${todo.id}`}
        class="title"
        dir="auto"
        hx-get={`${path}/edit`}
        hx-trigger="dblclick"
        hx-target="closest li"
        hx-swap="outerHTML"
        hx-nonce={nonce}
      >
        {todo.title}
      </span>
      <span class="tools">
        <button
          class="tool"
          type="button"
          aria-label="Edit"
          aria-describedby={`title-${todo.id}`}
          aria-keyshortcuts="Enter E"
          title="Edit (E)"
          hx-get={`${path}/edit`}
          hx-target="closest li"
          hx-swap="outerHTML"
          hx-nonce={nonce}
        >
          <PencilDrawing />
        </button>
        <button
          class="tool is-danger"
          type="button"
          aria-label="Delete"
          aria-describedby={`title-${todo.id}`}
          aria-keyshortcuts="Delete Backspace"
          title="Delete (Del)"
          hx-delete={path}
          hx-nonce={nonce}
        >
          <BinDrawing />
        </button>
      </span>
    </li>
  );
};

interface TodoEditorProps {
  readonly todo: Todo;
  /** What the user typed, when it could not be saved. */
  readonly typed?: string;
  readonly problem?: string;
  /** False when the user has left the field already. */
  readonly focused?: boolean;
}

/** Saves on Enter and when the focus leaves; Escape goes back. */
export const TodoEditor: FC<TodoEditorProps> = ({ todo, typed, problem, focused = true }) => {
  const nonce = useNonce();
  const path = `/todos/${todo.id}`;
  const noteId = `note-${todo.id}`;
  return (
    <li id={`todo-${todo.id}`} class={todo.isDone ? "todo is-done is-edited" : "todo is-edited"} data-shortcuts>
      <form class="editor" hx-put={path} hx-trigger="submit, focusout" novalidate hx-nonce={nonce}>
        <span class="box" aria-hidden="true">
          <TickDrawing />
        </span>
        <input
          id={`edit-${todo.id}`}
          name="title"
          value={typed ?? todo.title}
          aria-label="Title"
          aria-describedby={noteId}
          aria-invalid={problem === undefined ? undefined : "true"}
          autocomplete="off"
          dir="auto"
          data-caret-at-end
          autofocus={focused}
        />
        {/* Pressing these must not take the focus from the field: leaving it saves. */}
        <button class="text-button" name="by" value="enter" tabindex={-1} data-keeps-focus>
          Save
        </button>
        <button
          class="text-button"
          type="button"
          tabindex={-1}
          data-keeps-focus
          aria-keyshortcuts="Escape"
          hx-get={path}
          hx-target="closest li"
          hx-swap="outerHTML"
          hx-nonce={nonce}
        >
          Cancel
        </button>
      </form>
      <p
        id={noteId}
        class={problem === undefined ? "note" : "note is-problem"}
        role={problem === undefined ? undefined : "alert"}
      >
        {problem ?? "Enter saves, Escape cancels."}
      </p>
    </li>
  );
};
