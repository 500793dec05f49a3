/** Where the keyboard focus goes when a todo leaves its list. */
import type { Listing } from "./todos.ts";

/** The key of the todo after this one in its list, else before it; undefined for the last one left. */
export function neighbourOf(before: Listing, id: string): string | undefined {
  for (const list of [before.open, before.done]) {
    const index = list.findIndex((todo) => todo.id === id);
    if (index !== -1) return (list[index + 1] ?? list[index - 1])?.id;
  }
  return undefined;
}
