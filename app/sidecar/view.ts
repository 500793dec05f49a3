/**
 * Which todos the page shows. The address carries it (`/?q=milk&show=open`),
 * so that a reload and every later request know it without a client state.
 */

export const SHOWS = ["all", "open", "done"] as const;
export type Show = (typeof SHOWS)[number];

export interface View {
  /** What the user searches for, trimmed; empty for no search. */
  readonly query: string;
  readonly show: Show;
  /** At most so many rows of each list. */
  readonly limit: number;
}

export const PAGE_SIZE = 100;
const LARGEST_LIMIT = 1000;
const QUERY_LIMIT = 200;

export const WHOLE_VIEW: View = { query: "", show: "all", limit: PAGE_SIZE };

/** The view of an address's parameters; anything unknown falls back to the whole list. */
export function viewOf(parameters: URLSearchParams): View {
  const limit = Number(parameters.get("limit"));
  return {
    query: Array.from((parameters.get("q") ?? "").toWellFormed().trim())
      .slice(0, QUERY_LIMIT)
      .join(""),
    show: SHOWS.find((show) => show === parameters.get("show")) ?? WHOLE_VIEW.show,
    limit: Number.isInteger(limit) && limit > PAGE_SIZE ? Math.min(limit, LARGEST_LIMIT) : PAGE_SIZE,
  };
}

/** The view that the page shows, by the address that htmx sends along; the whole list for none or a broken one. */
export function viewOfPage(currentUrl: string | undefined): View {
  return currentUrl !== undefined && URL.canParse(currentUrl) ? viewOf(new URL(currentUrl).searchParams) : WHOLE_VIEW;
}

/** The address of a view, without what is default. */
export function addressOf(view: View): string {
  const parameters = new URLSearchParams();
  if (view.query !== "") parameters.set("q", view.query);
  if (view.show !== WHOLE_VIEW.show) parameters.set("show", view.show);
  if (view.limit !== PAGE_SIZE) parameters.set("limit", String(view.limit));
  return parameters.size === 0 ? "/" : `/?${parameters.toString()}`;
}
