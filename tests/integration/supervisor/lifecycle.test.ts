/** A sidecar's life under a real supervisor, on both runtimes in both roles. Needs: bun. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { allPairs, crossPairs, fake, hasBun } from "./runtimes.ts";
import { boot, gone, isGone, spin, supervise } from "./supervised.ts";

describe.skipIf(!hasBun).each(allPairs)("bun: $parent.name supervises $child.name", (pair) => {
  test("serves, recovers from SIGKILL at once with a new port and secret, and ends in order", async () => {
    const app = supervise(pair, [fake("good")]);
    const first = await app.next("serving");
    const { origin, cookie } = await boot(first.url!);
    const get = async (path: string, headers: Record<string, string> = { cookie }) =>
      fetch(`${origin}${path}`, { headers });
    expect(await (await get("/todos?a=1")).text()).toBe("GET /todos ");
    expect((await get("/", {})).status).toBe(403);
    const thrown = await get("/throw");
    expect([thrown.status, await thrown.text()]).toEqual([500, expect.not.stringContaining("secret stack")]);
    for (const header of ["server", "x-powered-by"]) expect(thrown.headers.get(header)).toBeNull();

    process.kill(first.sidecarPid!, "SIGKILL");
    // The end itself was seen, not three silent probes; and nothing is waited for.
    expect((await app.next("down")).reason).toBe("the sidecar was ended by SIGKILL");
    const second = await app.next("serving");
    expect(readFileSync(join(app.folders.logs, "app.log"), "utf8")).toContain("app restart in 0 ms\n");
    expect(new URL(second.url!).origin).not.toBe(origin);
    const moved = await fetch(`${new URL(second.url!).origin}/`, { headers: { cookie } });
    expect(moved.status, "the old cookie").toBe(403);

    // An event stream that never ends must not hold up the end.
    const again = await boot(second.url!);
    const stream = await fetch(`${again.origin}/stream`, { headers: { cookie: again.cookie } });
    const ended = stream.text().catch(() => "cut");
    app.say("stop");
    expect((await app.next("stopped")).state).toBe("stopped");
    expect(await ended).toMatch(/data: 1|cut/);
    expect(isGone(second.sidecarPid!)).toBe(true);
    const log = readFileSync(join(app.folders.logs, "app.log"), "utf8");
    expect(log).toContain("out closed in order");
    expect(log).toContain("err Error: a secret stack");
    expect(log).toMatch(/app the sidecar exited with code 0/);
    expect(log, "a boot ticket or secret in the log").not.toMatch(/[0-9a-f]{64}/);
  });

  test("the sidecar dies with its parent, even in a busy loop", async () => {
    const app = supervise(pair, [fake("good")]);
    const { url, sidecarPid } = await app.next("serving");
    const { origin, cookie } = await boot(url!);
    await spin(origin, cookie);
    expect(isGone(sidecarPid!)).toBe(false);
    app.kill();
    await gone(sidecarPid!);
  });
});

describe.skipIf(!hasBun).each(crossPairs)("bun: $parent.name supervises $child.name", (pair) => {
  // Room for a slow answer: a sidecar that is only late must not be taken for a hung one.
  const quick = { probeEveryMs: 600, probeTimeoutMs: 500, missesAllowed: 3, killAfterMs: 150 };

  test("a hang is found by the watchdog and ended by SIGKILL", async () => {
    const app = supervise(pair, [fake("good")], quick);
    const first = await app.next("serving");
    // A stopped process answers nothing and takes no SIGTERM.
    process.kill(first.sidecarPid!, "SIGSTOP");
    expect((await app.next("down")).reason).toMatch(/hangs: 3 health checks/);
    const second = await app.next("serving");
    expect(second.sidecarPid).not.toBe(first.sidecarPid);
    expect(isGone(first.sidecarPid!)).toBe(true);
  });

  test("restart ends one in order and starts another; a URL is fresh every time", async () => {
    const app = supervise(pair, [fake("good")]);
    const first = await app.next("serving");
    app.say("url");
    const { url } = await app.next("url");
    expect(url).not.toBe(first.url);
    await boot(first.url!);
    await boot(url!);
    await expect(boot(url!)).rejects.toThrow("403");
    app.say("restart");
    expect((await app.next("serving")).sidecarPid).not.toBe(first.sidecarPid);
    expect(app.events.filter(({ event }) => event === "down")).toEqual([]);
  });

  test("a restart and a stop at once end in a stop", async () => {
    const app = supervise(pair, [fake("good")]);
    const { sidecarPid } = await app.next("serving");
    app.say("restart");
    app.say("stop");
    app.say("stop");
    await app.next("stopped");
    expect(isGone(sidecarPid!)).toBe(true);
    expect(app.events.map(({ event }) => event)).not.toContain("down");
  });

  test.skipIf(process.platform !== "linux")("the secret is in no environment and no command line", async () => {
    const app = supervise(pair, [fake("good")]);
    const { sidecarPid } = await app.next("serving");
    for (const pid of [sidecarPid!, app.pid]) {
      for (const name of ["environ", "cmdline"]) {
        expect(readFileSync(`/proc/${pid}/${name}`, "latin1"), name).not.toMatch(/\b[0-9a-f]{64}\b/);
      }
    }
  });
});
