/** Fragments that change the page outside the board: counter, window title and notices. */
import type { FC, PropsWithChildren } from "hono/jsx";
import type { Counts, Todo } from "../sidecar/todos.ts";
import { useNonce } from "./nonce.ts";

/** `3 open`, as the header says it. */
export function countText({ open, done }: Counts): string {
  if (open > 0) return `${open} open`;
  return done > 0 ? "All done" : "Nothing to do";
}

/** The window's title. */
export function titleText(app: string, total: Counts): string {
  return `${countText(total)} · ${app}`;
}

/** Puts the counter in the header and in the title; the live region itself stays, so that it is read out. */
export const CountUpdate: FC<{ readonly app: string; readonly total: Counts }> = ({ app, total }) => (
  <>
    <title>{titleText(app, total)}</title>
    <span hx-swap-oob="textContent:#count">{countText(total)}</span>
  </>
);

/** Shows a notice; it fades by itself (styles.css), and a new one replaces it. */
const Notice: FC<PropsWithChildren<{ readonly tone?: "plain" | "problem" }>> = ({ tone = "plain", children }) => (
  <div hx-swap-oob="innerHTML:#notices">
    <div class={tone === "problem" ? "notice is-problem" : "notice"}>{children}</div>
  </div>
);

/** Says what was deleted and offers to take it back. */
export const DeletedNotice: FC<{ readonly todo: Todo }> = ({ todo }) => {
  const nonce = useNonce();
  return (
    <Notice>
      <p>
        Deleted <bdi class="quoted">{todo.title}</bdi>
      </p>
      <button
        class="text-button"
        type="button"
        aria-keyshortcuts="U Control+Z Meta+Z"
        hx-put={`/todos/${todo.id}/restore`}
        hx-nonce={nonce}
      >
        Undo
      </button>
    </Notice>
  );
};

/** Says that a todo came back. */
export const RestoredNotice: FC<{ readonly todo: Todo }> = ({ todo }) => (
  <Notice>
    <p>
      Restored <bdi class="quoted">{todo.title}</bdi>
    </p>
  </Notice>
);

/** Says what went wrong, in a sentence for the user. */
export const ProblemNotice: FC<{ readonly problem: string }> = ({ problem }) => (
  <Notice tone="problem">
    <p>{problem}</p>
  </Notice>
);
