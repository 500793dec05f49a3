import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  encodeCommand,
  encodeEvent,
  EVENT_PREFIX,
  lineSplitter,
  parseCommand,
  parseEvent,
  type WindowCommand,
  type WindowEvent,
} from "../../../../runtime/shell/window-protocol.ts";

const size = fc.integer({ min: 0, max: 32_767 });
const text = fc.string({ unit: "binary" });
const commands: fc.Arbitrary<WindowCommand> = fc.oneof(
  fc.record({
    do: fc.constant("open" as const),
    identifier: text,
    title: text,
    width: size,
    height: size,
    minWidth: size,
    minHeight: size,
    url: text,
  }),
  fc.record({ do: fc.constant("navigate" as const), url: text }),
  fc.record({ do: fc.constant("title" as const), title: text }),
  fc.record({ do: fc.constantFrom("focus" as const, "close" as const) }),
);
const events: fc.Arbitrary<WindowEvent> = fc.oneof(
  fc.record({ event: fc.constant("opened" as const) }),
  fc.record({ event: fc.constant("failed" as const), code: text, message: text, remedy: text }),
  fc.record({ event: fc.constant("refused" as const), url: text }),
  fc.record({ event: fc.constant("closed" as const), by: fc.constantFrom("user" as const, "command" as const) }),
);

test("every command and event survives its line, whatever text is in it", () => {
  fc.assert(
    fc.property(commands, (command) => {
      const line = encodeCommand(command);
      expect(line).not.toContain("\n");
      expect(parseCommand(line)).toEqual(command);
    }),
  );
  fc.assert(
    fc.property(events, (event) => {
      const line = encodeEvent(event);
      expect(line).not.toContain("\n");
      expect(parseEvent(line)).toEqual(event);
    }),
  );
});

test("any other text is no command and no event", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
      expect(parseCommand(line)).toBeUndefined();
      expect(parseEvent(line)).toBeUndefined();
      expect(parseEvent(EVENT_PREFIX + line)).toBeUndefined();
    }),
  );
});

test("every truncation of a line is refused", () => {
  const command = encodeCommand({ do: "navigate", url: "http://127.0.0.1:1/" });
  const event = encodeEvent({ event: "failed", code: "A", message: "b", remedy: "c" });
  for (let end = 0; end < command.length; end += 1) expect(parseCommand(command.slice(0, end))).toBeUndefined();
  for (let end = 0; end < event.length; end += 1) expect(parseEvent(event.slice(0, end))).toBeUndefined();
});

test.each([-1, 0.5, 40_000, Number.NaN, "900", null])("refuses a window of %j pixels", (width) => {
  const open = { do: "open", identifier: "a", title: "b", width, height: 1, minWidth: 1, minHeight: 1, url: "c" };
  expect(parseCommand(JSON.stringify(open))).toBeUndefined();
});

test("lines come whole, however the chunks fall", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string().map((line) => line.replaceAll("\n", ""))),
      fc.integer({ min: 1, max: 7 }),
      (lines, step) => {
        const seen: string[] = [];
        const take = lineSplitter((line) => seen.push(line));
        const all = lines.map((line) => `${line}\n`).join("");
        for (let at = 0; at < all.length; at += step) take(all.slice(at, at + step));
        expect(seen).toEqual(lines);
      },
    ),
  );
});
