import { expect, test } from "vitest";
import { fileFault } from "../../../build/tools/file-fault.ts";

const systemError = (code: string): Error => Object.assign(new Error(`${code}: no, write '/out/x'`), { code });

test.each([
  ["ENOSPC", "DISK_FULL"],
  ["EDQUOT", "DISK_FULL"],
  ["EFBIG", "DISK_FULL"],
  ["EACCES", "NOT_WRITABLE"],
  ["EPERM", "NOT_WRITABLE"],
  ["EROFS", "NOT_WRITABLE"],
  ["ENOTDIR", "NOT_WRITABLE"],
])("%s is %s, said with who, where and what to do", (code, expected) => {
  const fault = fileFault(systemError(code), "stage package");
  expect(fault).toMatchObject({ code: expected, message: expect.stringMatching(/^stage package .*'\/out\/x'\.$/) });
  expect(fault?.remedy).not.toBe("");
  expect(fault?.cause).toBeInstanceOf(Error);
});

test("a bug stays a bug", () => {
  for (const thrown of [new Error("no"), systemError("ENOENT"), "text", undefined])
    expect(fileFault(thrown, "erth build")).toBeUndefined();
});
