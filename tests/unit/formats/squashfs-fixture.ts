/** What lies in `build/stub/testdata/small.squashfs`, on which the stub's own reader is tested. */
import type { SquashfsEntry } from "../../../build/formats/squashfs.ts";

export const FIXTURE: readonly SquashfsEntry[] = [
  { kind: "folder", path: "usr", mode: 0o755 },
  { kind: "folder", path: "usr/empty", mode: 0o700 },
  { kind: "file", path: "usr/note 漢字", mode: 0o644, content: Buffer.from("hello") },
  { kind: "file", path: "none", mode: 0o600, content: Buffer.of() },
  { kind: "link", path: "link", target: "usr/note 漢字" },
  { kind: "file", path: "AppRun", mode: 0o755, content: Buffer.from("#!/bin/sh\n") },
];
