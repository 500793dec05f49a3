/** A sidecar that keeps the contract, with routes that make it misbehave on request. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ErthError } from "../../../runtime/base/errors.ts";
import { serveSidecar } from "../../../runtime/sidecar/serve.ts";

void serveSidecar(({ dataFolder, app, signal }) => {
  console.log(`hello from ${app.name} <b>stdout</b>`);
  if (existsSync(join(dataFolder, "locked"))) {
    throw new ErthError({
      code: "DATABASE_NEWER",
      message: "The database is <newer> than this version.",
      remedy: "install the newer version again",
    });
  }
  return {
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/busy") setTimeout(spin, 20);
      if (pathname === "/throw") throw new Error("a secret stack");
      if (pathname === "/stream") {
        // Ends only with the process or by the signal.
        const body = new ReadableStream({
          start: (controller) => {
            controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
            signal.addEventListener("abort", () => controller.close());
          },
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      }
      return new Response(`${request.method} ${pathname} ${await request.text()}`);
    },
    close: () => console.log("closed in order"),
  };
});

function spin(): never {
  for (;;);
}
