import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createHandshake, READY_LIMIT_BYTES, type HandshakeStep } from "../../../../runtime/supervisor/handshake.ts";

const line = `${JSON.stringify({ v: 1, port: 40_123, pid: 77 })}\n`;
const ready = { kind: "ready", ready: { v: 1, port: 40_123, pid: 77 } };

function feed(chunks: readonly (string | Uint8Array)[]): HandshakeStep[] {
  const handshake = createHandshake();
  return chunks.map((chunk) => handshake.push(Buffer.from(chunk)));
}

test("one line is ready, in one piece or byte by byte", () => {
  expect(feed([line])).toEqual([ready]);
  const steps = feed(line.split(""));
  expect(steps.at(-1)).toEqual(ready);
  expect(new Set(steps.slice(0, -1).map((step) => step.kind))).toEqual(new Set(["waiting"]));
});

test("unknown fields are left alone", () => {
  expect(feed([`{"v":1,"port":1,"pid":1,"later":true}\n`])).toMatchObject([{ kind: "ready" }]);
});

test.each([
  ["a log line", "Listening on 8080\n", /garbage/],
  ["an empty line", "\n", /garbage/],
  ["a number", "1\n", /garbage/],
  ["null", "null\n", /garbage/],
  ["a list", "[1]\n", /garbage/],
  ["another version", '{"v":2,"port":1,"pid":1}\n', /protocol version 2, this app speaks 1/],
  ["a version of another type", '{"v":"1","port":1,"pid":1}\n', /protocol version "1"/],
  ["no port", '{"v":1,"pid":1}\n', /no usable port/],
  ["port 0", '{"v":1,"port":0,"pid":1}\n', /no usable port/],
  ["port 65536", '{"v":1,"port":65536,"pid":1}\n', /no usable port/],
  ["half a port", '{"v":1,"port":1.5,"pid":1}\n', /no usable port/],
  ["a port as text", '{"v":1,"port":"80","pid":1}\n', /no usable port/],
  ["no pid", '{"v":1,"port":80}\n', /no usable port and pid/],
  ["two lines", line + line, /more than one line/],
  ["a line and a half", `${line}{`, /more than one line/],
  ["an endless line", "x".repeat(READY_LIMIT_BYTES + 1), /over 4096 bytes/],
  ["a huge line", `${"x".repeat(100_000)}\n`, /over 4096 bytes/],
])("%s is a fault with its reason", (_, bytes, reason) => {
  expect(feed([bytes])).toEqual([{ kind: "fault", reason: expect.stringMatching(reason) }]);
});

test("a second line is a fault also when it comes later", () => {
  expect(feed([line, ""])).toMatchObject([ready, { kind: "waiting" }]);
  expect(feed([line, line])).toMatchObject([ready, { kind: "fault" }]);
});

test("a line that grows over the limit in pieces is a fault", () => {
  const steps = feed(Array.from({ length: 5 }, () => "x".repeat(1000)));
  expect(steps.map((step) => step.kind)).toEqual(["waiting", "waiting", "waiting", "waiting", "fault"]);
});

test("every cut of the line waits or is a fault, and cutting differently changes nothing", () => {
  for (let at = 0; at < line.length; at += 1) {
    expect(feed([line.slice(0, at)])[0]?.kind).toBe("waiting");
    expect(feed([line.slice(0, at), line.slice(at)]).at(-1)).toEqual(ready);
  }
});

test("any bytes in any pieces never throw and never make a port out of range", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.uint8Array(),
          fc.string(),
          fc.json().map((text) => `${text}\n`),
        ),
      ),
      (chunks) => {
        for (const step of feed(chunks)) {
          if (step.kind === "ready") expect(step.ready.port).toBeLessThan(65_536);
          if (step.kind === "fault") expect(step.reason.length).toBeLessThan(400);
        }
      },
    ),
  );
});
