import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ask, hand, parseArgv, receive } from "../../../../runtime/supervisor/instance-wire.ts";

async function setUp() {
  const folder = mkdtempSync(join(tmpdir(), "iw-"));
  const address = join(folder, "s");
  const server = createServer();
  const seconds: (readonly string[])[] = [];
  const reception = receive(server, (argv) => seconds.push(argv));
  await new Promise<void>((resolve) => server.listen(address, resolve));
  onTestFinished(() => {
    reception.dismiss();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { address, reception, seconds, folder };
}

test("arguments reach the first, once it is sure", async () => {
  const { address, reception, seconds } = await setUp();
  const early = hand(address, ["early"]);
  expect(await ask(address)).toBe("undecided");
  expect(seconds).toEqual([]);
  reception.confirm();
  expect(await early).toBe("first");
  expect(await hand(address, ["--open", "空 \n"])).toBe("first");
  expect(await ask(address)).toBe("first");
  expect(seconds).toEqual([["early"], ["--open", "空 \n"]]);
});

test("one that gives way hangs up", async () => {
  const { address, reception, seconds } = await setUp();
  const waiting = hand(address, ["x"]);
  expect(await ask(address)).toBe("undecided");
  reception.dismiss();
  expect(await waiting).toBe("gone");
  expect(seconds).toEqual([]);
});

test("an address without a file is dead", async () => {
  const { folder } = await setUp();
  expect(await hand(join(folder, "none"), [])).toBe("dead");
});

test.each([["garbage\n"], ["[1]\n"], ["{}\n"], [`["${"x".repeat(300_000)}`]])("hangs up on %#", async (text) => {
  const { address, reception, seconds } = await setUp();
  reception.confirm();
  const answer = await new Promise<string>((resolve) => {
    let heard = "";
    const socket = connect(address, () => socket.write(text));
    socket.on("data", (chunk) => (heard += String(chunk)));
    socket.on("error", () => {});
    socket.on("close", () => resolve(heard));
  });
  expect(answer).toBe("");
  expect(seconds).toEqual([]);
});

test("only a list of texts, or null, is a line", () => {
  expect(parseArgv("null")).toBeNull();
  expect(parseArgv('["a"]')).toEqual(["a"]);
  for (const line of ["", "1", "{}", "[1]", '["a"', '"a"']) expect(parseArgv(line)).toBeUndefined();
});
