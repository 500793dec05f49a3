import { expect, test } from "vitest";
import { createGuard } from "../../../../runtime/sidecar/guard.ts";
import {
  BOOT_LIFE_MS,
  BOOT_PATH,
  CHALLENGE_HEADER,
  HEALTH_PATH,
  isAnswer,
  newBootTicket,
  newChallenge,
  newSecret,
} from "../../../../runtime/sidecar/protocol.ts";

const PORT = 40123;
const HOST = `127.0.0.1:${PORT}`;
const ORIGIN = `http://${HOST}`;

function setUp(app: (request: Request) => Response | Promise<Response> = () => new Response("app")) {
  const secret = newSecret();
  const clock = { nowMs: 1_000_000 };
  const reported: unknown[] = [];
  const guard = createGuard(
    { secret, port: PORT, now: () => clock.nowMs, report: (thrown) => reported.push(thrown) },
    app,
  );
  const send = (
    path: string,
    { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string> } = {},
  ) => guard(new Request(`${ORIGIN}${path}`, { method, headers: { host: HOST, ...headers } }));
  const boot = async (): Promise<string> => {
    const answer = await send(`${BOOT_PATH}${newBootTicket(secret, clock.nowMs)}`);
    return (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  };
  return { secret, clock, reported, guard, send, boot };
}

test("a wrong Host is 421, whatever else the request has", async () => {
  const { guard, send, boot } = setUp();
  const cookie = await boot();
  for (const host of ["evil.example", "localhost:40123", "127.0.0.1", "127.0.0.1:40124", `${HOST}.evil.example`]) {
    expect((await send("/", { headers: { host, cookie } })).status, host).toBe(421);
    expect((await send("/", { method: "OPTIONS", headers: { host } })).status, host).toBe(421);
  }
  expect((await guard(new Request(`${ORIGIN}/`))).status, "no Host").toBe(421);
  const absolute = new Request("http://evil.example/", { headers: { host: HOST, cookie } });
  expect((await guard(absolute)).status, "absolute form").toBe(421);
});

test("OPTIONS is answered before authentication, without CORS headers", async () => {
  const { send } = setUp(() => {
    throw new Error("reached the app");
  });
  const answer = await send("/todos", {
    method: "OPTIONS",
    headers: { origin: "https://evil.example", "access-control-request-method": "DELETE" },
  });
  expect(answer.status).toBe(204);
  expect(answer.headers.get("allow")).toContain("DELETE");
  expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
});

test("a foreign Origin is 403 on every method, even with the cookie", async () => {
  const { send, boot } = setUp();
  const cookie = await boot();
  for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]) {
    for (const origin of [
      "https://evil.example",
      "null",
      `http://localhost:${PORT}`,
      "http://127.0.0.1:1",
      `${ORIGIN}/`,
    ]) {
      expect((await send("/", { method, headers: { origin, cookie } })).status, `${method} ${origin}`).toBe(403);
    }
    expect((await send("/", { method, headers: { origin: ORIGIN, cookie } })).status, method).toBe(200);
  }
});

test("an unsafe method must show that it comes from our own page", async () => {
  const { send, boot } = setUp();
  const cookie = await boot();
  const post = async (headers: Record<string, string>) =>
    (await send("/", { method: "POST", headers: { cookie, ...headers } })).status;
  expect(await post({})).toBe(403);
  expect(await post({ "sec-fetch-site": "none" })).toBe(403);
  expect(await post({ "sec-fetch-site": "same-site" })).toBe(403);
  expect(await post({ "sec-fetch-site": "same-origin" })).toBe(200);
  expect((await send("/", { headers: { cookie } })).status, "GET without Origin").toBe(200);
});

test("another port's page may open a whole window here, and nothing else", async () => {
  const { send, boot } = setUp();
  const cookie = await boot();
  const get = async (site: string, mode: string, dest: string) =>
    (await send("/", { headers: { cookie, "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest } }))
      .status;
  expect(await get("same-site", "navigate", "document")).toBe(200);
  expect(await get("same-site", "navigate", "iframe")).toBe(403);
  expect(await get("same-site", "no-cors", "image")).toBe(403);
  expect(await get("cross-site", "no-cors", "script")).toBe(403);
  expect(await get("none", "navigate", "document")).toBe(200);
  expect(await get("same-origin", "cors", "empty")).toBe(200);
});

test("health answers our challenge and refuses a stranger's", async () => {
  const { secret, send } = setUp();
  const challenge = newChallenge(secret);
  const answer = await send(HEALTH_PATH, { headers: { [CHALLENGE_HEADER]: challenge } });
  expect(answer.status).toBe(200);
  expect(isAnswer(secret, challenge, await answer.text())).toBe(true);
  expect((await send(HEALTH_PATH)).status).toBe(403);
  expect((await send(HEALTH_PATH, { headers: { [CHALLENGE_HEADER]: newChallenge(newSecret()) } })).status).toBe(403);
});

test("a boot ticket becomes a cookie once", async () => {
  const { secret, clock, send } = setUp();
  const path = `${BOOT_PATH}${newBootTicket(secret, clock.nowMs)}`;
  expect((await send(path, { method: "HEAD" })).status, "a look ahead does not spend it").toBe(403);
  const first = await send(path);
  expect(first.status).toBe(303);
  expect(first.headers.get("location")).toBe("/");
  expect(first.headers.get("set-cookie")).toMatch(
    /^erth-[0-9a-f]{16}=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=\/$/,
  );
  const again = await send(path);
  expect(again.status).toBe(403);
  expect(again.headers.get("set-cookie")).toBeNull();
  const cookie = first.headers.get("set-cookie")!.split(";")[0]!;
  expect((await send(path, { headers: { cookie } })).status, "going back in the window").toBe(303);
});

test("a spent ticket stays spent up to its last millisecond, and an old or altered one is none", async () => {
  const { secret, clock, send } = setUp();
  const ticket = newBootTicket(secret, clock.nowMs);
  expect((await send(`${BOOT_PATH}${ticket}`)).status).toBe(303);
  clock.nowMs += BOOT_LIFE_MS - 1;
  expect((await send(`${BOOT_PATH}${newBootTicket(secret, clock.nowMs)}`)).status).toBe(303);
  expect((await send(`${BOOT_PATH}${ticket}`)).status).toBe(403);
  const fresh = newBootTicket(secret, clock.nowMs);
  clock.nowMs += BOOT_LIFE_MS;
  expect((await send(`${BOOT_PATH}${fresh}`)).status, "expired").toBe(403);
  const altered = newBootTicket(secret, clock.nowMs).replace(/^\d/, "9");
  expect((await send(`${BOOT_PATH}${altered}`)).status, "altered").toBe(403);
  expect((await send(BOOT_PATH)).status, "empty").toBe(403);
});

test("without the right cookie there is a small page and no app", async () => {
  const { send, boot } = setUp(() => {
    throw new Error("reached the app");
  });
  const cookie = await boot();
  const name = cookie.split("=")[0];
  for (const wrong of ["", `${name}=`, `${name}=${"0".repeat(64)}`, `x${cookie}`, cookie.slice(0, -1), `${cookie}0`]) {
    const answer = await send("/", { headers: { cookie: wrong } });
    expect(answer.status, wrong).toBe(403);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await answer.text()).toContain("opens only inside the app");
  }
});

test("the cookie is found among others, and two starts have different ones", async () => {
  const { send, boot } = setUp();
  const cookie = await boot();
  expect((await send("/", { headers: { cookie: `a=b; ${cookie}; c=d` } })).status).toBe(200);
  expect((await setUp().boot()).split("=")[0]).not.toBe(cookie.split("=")[0]);
});

test("what the app throws is reported and not shown", async () => {
  const { send, boot, reported } = setUp(() => Promise.reject(new Error("SELECT secret FROM table")));
  const answer = await send("/", { headers: { cookie: await boot() } });
  expect(answer.status).toBe(500);
  const body = await answer.text();
  expect(body).toMatch(/^<p role="alert">[^<]+<\/p>$/);
  expect(body).not.toContain("SELECT");
  expect(answer.headers.get("server")).toBeNull();
  expect(reported).toHaveLength(1);
});
