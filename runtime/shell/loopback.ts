/** The only addresses a window may show: the sidecar's and the supervisor's own pages on this machine. */
import { ErthError } from "../base/errors.ts";

/**
 * The origin of a loopback page, for example `http://127.0.0.1:40123`. Throws
 * `WINDOW_URL` for anything else; the message never repeats the path, which
 * may hold a boot ticket.
 */
export function loopbackOrigin(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isLoopback =
    parsed?.protocol === "http:" &&
    parsed.hostname === "127.0.0.1" &&
    parsed.port !== "" &&
    parsed.username === "" &&
    parsed.password === "";
  if (parsed === undefined || !isLoopback) {
    throw new ErthError({
      code: "WINDOW_URL",
      message: `the window was asked to open ${parsed === undefined ? "something that is not a URL" : parsed.origin}; it opens http://127.0.0.1:<port> only.`,
      remedy: "report this: an app's pages come from its own sidecar",
    });
  }
  return parsed.origin;
}
