/** Sidecars that break the contract: each has its reason, and all end on the error page. Needs: bun. */
import { writeFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Timings } from "../../../runtime/supervisor/timings.ts";
import { bun, crossPairs, fake, hasBun, node } from "./runtimes.ts";
import { boot, newFolders, supervise } from "./supervised.ts";

/** One restart, then the error page. */
const once = { breakerRestarts: 1, killAfterMs: 150, handshakeMs: 20_000, backoffBaseMs: 20 };

const ways: readonly (readonly [string, RegExp, Partial<Timings>])[] = [
  ["garbage", /garbage on fd 3: "Listening on/, {}],
  ["oversized", /over 4096 bytes/, {}],
  ["duplicate", /more than one line on fd 3/, {}],
  ["wrong-version", /speaks protocol version 2, this app speaks 1/, {}],
  ["exit", /exited with code 7/, {}],
  ["stranger", /port \d+ answers without knowing the secret/, {}],
  ["silent", /did not shake hands within 400 ms/, { handshakeMs: 400 }],
  // Long enough to shake hands on a busy machine, eight of them at once.
  ["deaf", /did not answer on port 1 within 5000 ms/, { handshakeMs: 5000 }],
];

describe.skipIf(!hasBun)("bun: faults", () => {
  test.concurrent.for(ways)("%s", async ([way, reason, timings], { expect, onTestFinished }) => {
    // The sidecar's runtime is of no matter here; the supervisor's alternates.
    const parent = ways.findIndex(([name]) => name === way) % 2 === 0 ? bun : node;
    const app = supervise(
      { parent, child: node },
      [fake("bad"), way],
      { ...once, ...timings },
      newFolders(onTestFinished),
      { onFinished: onTestFinished },
    );
    expect((await app.next("down")).reason).toMatch(reason);
    expect((await app.next("down")).reason).toMatch(reason);
    const { url, state } = await app.next("broken");
    expect(state).toBe("broken");
    expect(app.events.map(({ event }) => event)).toEqual(["down", "down", "broken"]);
    const { origin, cookie } = await boot(url!);
    const page = await (await fetch(`${origin}/`, { headers: { cookie } })).text();
    expect(page.replaceAll("&quot;", '"')).toMatch(new RegExp(reason.source, "i"));
  });

  test.each(crossPairs)("a command that is not there ($parent.name)", async ({ parent }) => {
    const pair = { parent, child: node };
    const app = supervise(pair, [], once, undefined, { command: "/nowhere/sidecar" });
    expect((await app.next("down")).reason).toMatch(/cannot be started: .*ENOENT/);
    await app.next("broken");
    app.say("stop");
    await app.next("stopped");
  });
});

describe.skipIf(!hasBun).each(crossPairs)("bun: the error page of $parent.name", (pair) => {
  test("shows why, keeps strangers out, and its button brings the app back", async () => {
    const folders = newFolders();
    writeFileSync(join(folders.data, "locked"), "");
    const app = supervise(pair, [fake("good")], once, folders);
    const broken = await app.next("broken");
    const { origin, cookie } = await boot(broken.url!);
    await expect(boot(broken.url!), "single use").rejects.toThrow("403");
    app.say("url");
    await boot((await app.next("url")).url!);

    const answer = await fetch(`${origin}/`, { headers: { cookie } });
    const page = await answer.text();
    expect(answer.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'nonce-/);
    for (const text of [
      "Fake &lt;App&gt; could not keep running",
      "The database is &lt;newer&gt; than this version.",
      "install the newer version again",
      "DATABASE_NEWER",
      "hello from Fake &lt;App&gt; &lt;b&gt;stdout&lt;/b&gt;",
      folders.logs,
    ]) {
      expect(page).toContain(text);
    }

    const press = (headers: Record<string, string>) => fetch(`${origin}/restart`, { method: "POST", headers });
    expect((await press({ origin })).status, "without the cookie").toBe(403);
    expect((await press({ cookie })).status, "without an Origin").toBe(403);
    expect((await press({ cookie, origin: "https://evil.example" })).status).toBe(403);
    expect((await fetch(`${origin}/`, {})).status).toBe(403);
    expect((await fetch(`${origin}/restart`, { headers: { cookie } })).status, "GET").toBe(404);
    expect(app.events.at(-1)?.state).toBe("broken");

    rmSync(join(folders.data, "locked"));
    const pressed = await press({ cookie, origin });
    expect([pressed.status, await pressed.text()]).toEqual([200, expect.stringContaining("Restarting Fake")]);
    const serving = await app.next("serving");
    await boot(serving.url!);
    await expect
      .poll(
        () =>
          fetch(`${origin}/`).then(
            () => "up",
            () => "down",
          ),
        { timeout: 15_000 },
      )
      .toBe("down");
  });
});
