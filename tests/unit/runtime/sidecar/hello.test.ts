import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { HELLO_LIMIT_BYTES, parseHello, readHelloLine } from "../../../../runtime/sidecar/hello.ts";
import { newSecret, type Hello } from "../../../../runtime/sidecar/protocol.ts";

const hello: Hello = {
  v: 1,
  secret: newSecret(),
  dataFolder: "/home/ü 空/data",
  cacheFolder: "/home/ü 空/cache",
  app: { name: 'A "quoted" 空 app', identifier: "dev.erth.fake", version: "1.2.3" },
};

function fileWith(bytes: string): number {
  const folder = mkdtempSync(join(tmpdir(), "hello-"));
  writeFileSync(join(folder, "in"), bytes);
  const fd = openSync(join(folder, "in"), "r");
  onTestFinished(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  return fd;
}

test("reads the first line and leaves the rest", () => {
  const fd = fileWith(`${JSON.stringify(hello)}\nstop\n`);
  expect(parseHello(readHelloLine(fd))).toEqual(hello);
  const rest = Buffer.alloc(16);
  expect(rest.toString("utf8", 0, readSync(fd, rest))).toBe("stop\n");
});

test("an empty, cut or endless stdin is refused", () => {
  expect(() => readHelloLine(fileWith(""))).toThrow(/stdin is empty/);
  expect(() => readHelloLine(fileWith('{"v":1'))).toThrow(/ended inside/);
  expect(() => readHelloLine(fileWith(`${"x".repeat(HELLO_LIMIT_BYTES + 1)}\n`))).toThrow(/over 65536 bytes/);
});

test("every cut of a Hello is refused and never quoted", () => {
  const line = JSON.stringify(hello);
  for (let length = 0; length < line.length; length += 1) {
    try {
      parseHello(line.slice(0, length));
      expect.unreachable(`${length} characters were taken`);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(ErthError);
      expect(String(thrown)).not.toContain(hello.secret.slice(0, 8));
    }
  }
});

test.each([
  ["an array", [], /is not an object/],
  ["another version", { ...hello, v: 2 }, /version 2/],
  ["a short secret", { ...hello, secret: "ab" }, /32 bytes of hex/],
  ["no secret", { ...hello, secret: undefined }, /secret is not a text/],
  ["a relative folder", { ...hello, dataFolder: "data" }, /dataFolder is not an absolute path/],
  ["no cache folder", { ...hello, cacheFolder: "" }, /cacheFolder is not a text/],
  ["no app", { ...hello, app: null }, /app is not an object/],
  ["an app without a name", { ...hello, app: { ...hello.app, name: 1 } }, /app.name is not a text/],
])("%s is refused by its name", (_, value, message) => {
  expect(() => parseHello(JSON.stringify(value))).toThrow(message);
});

test("any text is a Hello or a SIDECAR_HELLO", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
      try {
        parseHello(line);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "SIDECAR_HELLO" });
      }
    }),
  );
});
