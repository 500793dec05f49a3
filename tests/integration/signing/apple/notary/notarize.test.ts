import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { inspect } from "node:util";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readZipDirectory } from "../../../../../build/formats/zip-directory.ts";
import { ProblemsError } from "../../../../../runtime/base/errors.ts";
import { notarize, resume, submit } from "../../../../../signing/apple/notary/notarize.ts";
import { readSubmission } from "../../../../../signing/apple/notary/submission.ts";
import { type NotaryWorld, secretsOf, startNotaryWorld } from "../../../../fakes/notary-world.ts";
import { scratchFolder } from "../../../../support/scratch.ts";

const ZIP = Buffer.concat([Buffer.from("PK\u0003\u0004"), randomBytes(3 << 20)]);

async function world(
  options?: Parameters<typeof startNotaryWorld>[0],
): Promise<NotaryWorld & { folder: string; zip: string }> {
  const started = await startNotaryWorld(options);
  onTestFinished(() => started.fake.close());
  const folder = await scratchFolder();
  const zip = join(folder, "Notes.zip");
  await writeFile(zip, ZIP);
  return { ...started, folder, zip };
}

function request(at: Awaited<ReturnType<typeof world>>) {
  return { ...at.access, path: at.zip, recordPath: join(at.folder, "submission.json") };
}

/** What was thrown, with all that a careless log would print of it. */
async function failure(promise: Promise<unknown>): Promise<{ readonly error: unknown; readonly printed: string }> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error, "it should have failed").toBeDefined();
  const printed = `${inspect(error, { depth: 20, showHidden: true })}\n${JSON.stringify(error)}`;
  return { error, printed };
}

function expectNoSecrets(at: NotaryWorld, ...printed: readonly string[]): void {
  const all = [...at.lines.map(({ text }) => text), ...printed].join("\n");
  for (const secret of secretsOf(at)) expect(all).not.toContain(secret);
}

test("a zip is submitted, uploaded whole and accepted; the record is enough to know it again", async () => {
  const at = await world();
  const record = await notarize({ ...request(at), team: "ERTH123456" });
  const sha256 = createHash("sha256").update(ZIP).digest("hex");
  expect(record).toMatchObject({
    fileName: "Notes.zip",
    sha256,
    bytes: ZIP.length,
    team: "ERTH123456",
    isUploaded: true,
  });
  expect([...at.fake.s3.objects.values()]).toEqual([{ bytes: ZIP.length, sha256 }]);
  expect([...at.fake.s3.objects.keys()][0]).toContain(":");
  expect(await readSubmission(request(at).recordPath)).toEqual(record);
  expect(at.fake.seen).toEqual(["POST submit 200", "PUT s3 200", "GET status 200", "GET logs 200", "GET log-file 200"]);
  expect(new Set(at.fake.notary.tokens).size).toBe(3);
  expectNoSecrets(at, await readFile(request(at).recordPath, "utf8"));
});

test("an individual key's token has no issuer", async () => {
  const at = await world({ isIndividual: true });
  await notarize(request(at));
  expect(at.fake.seen[0]).toBe("POST submit 200");
});

test("an app goes up as a zip with its links and modes", async () => {
  const at = await world();
  const app = join(at.folder, "Notes.app");
  await mkdir(join(app, "Contents", "MacOS"), { recursive: true });
  await writeFile(join(app, "Contents", "MacOS", "notes"), "not a program", { mode: 0o755 });
  await symlink("MacOS/notes", join(app, "Contents", "current"));
  const { zipApp } = await import("../../../../../signing/apple/notary/app-zip.ts");
  const zip = join(at.folder, "out.zip");
  await zipApp(app, zip, at.abort.signal);
  const records = await readZipDirectory(zip);
  expect(records.map(({ name, mode }) => [name, mode.toString(8)])).toEqual([
    ["Notes.app/", "40755"],
    ["Notes.app/Contents/", "40755"],
    ["Notes.app/Contents/MacOS/", "40755"],
    ["Notes.app/Contents/MacOS/notes", "100755"],
    ["Notes.app/Contents/current", "120777"],
  ]);
});

test("429 with Retry-After, 500, 503, a reset and half an answer only cost time", async () => {
  const at = await world();
  at.fake.fail(
    "submit",
    { kind: "status", status: 429, headers: { "retry-after": "100" } },
    { kind: "status", status: 500 },
    { kind: "status", status: 503 },
    { kind: "reset" },
    { kind: "truncated" },
  );
  await submit(request(at));
  const pauses = at.lines.flatMap(({ text }) => /trying again in (\d+) s/.exec(text)?.[1] ?? []);
  // 15 → 60 s, but never before the server's own wish.
  expect(pauses).toEqual(["100", "30", "60", "60", "60"]);
  expect(at.elapsedMs()).toBe(310_000);
});

test("a service that stays away ends the submission after six tries, and says how to go on", async () => {
  const at = await world();
  at.fake.fail("submit", ...Array.from({ length: 6 }, () => ({ kind: "status", status: 504 }) as const));
  const { error } = await failure(submit(request(at)));
  expect(error).toMatchObject({
    code: "NOTARY_UNREACHABLE",
    message: expect.stringContaining("HTTP 504"),
    remedy: expect.stringContaining("erth notarize"),
  });
  expect(at.fake.seen).toHaveLength(6);
});

test("401 mints another token, once; a key that stays refused is named without its token", async () => {
  const at = await world();
  at.fake.fail("submit", { kind: "status", status: 401 });
  await submit(request(at));
  expect(at.sleeps).toEqual([]);

  const wrong = await startNotaryWorld();
  onTestFinished(() => wrong.fake.close());
  const access = { ...at.access, urls: wrong.access.urls };
  const { error, printed } = await failure(submit({ ...request(at), ...access }));
  expect(error).toMatchObject({ code: "NOTARY_UNAUTHORIZED", message: expect.stringContaining("T9GPZ92M7K") });
  expect(wrong.fake.seen).toEqual(["POST submit 401", "POST submit 401"]);
  expectNoSecrets(at, printed);
  expectNoSecrets(wrong, printed);
});

test("a clock that is off is named, not the key", async () => {
  const at = await world();
  at.advance(-3_600_000);
  at.fake.fail("submit", { kind: "status", status: 401 }, { kind: "status", status: 401 });
  await expect(submit(request(at))).rejects.toMatchObject({
    code: "NOTARY_CLOCK",
    message: expect.stringContaining("60 minutes behind"),
  });
});

test("a missing agreement is for the account holder", async () => {
  const at = await world();
  const body = JSON.stringify({
    errors: [
      {
        code: "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
        detail: "A required agreement is missing or has expired.",
      },
    ],
  });
  at.fake.fail("submit", { kind: "status", status: 403, body });
  await expect(submit(request(at))).rejects.toMatchObject({
    code: "NOTARY_AGREEMENT",
    remedy: expect.stringContaining("account holder"),
  });
});

test.each(["truncated", "early"] as const)("an upload that S3 has only in part (%s) is sent again", async (what) => {
  const at = await world();
  at.fake.fail("s3", { kind: "s3", what });
  const record = await submit(request(at));
  expect(record.isUploaded).toBe(true);
  expect([...at.fake.s3.objects.values()].map(({ sha256 }) => sha256)).toEqual([record.sha256]);
});

test("an upload whose answer was lost is sent again", async () => {
  const at = await world();
  at.fake.fail("s3", { kind: "s3", what: "reset-after" }, { kind: "reset" }, { kind: "status", status: 503 });
  expect((await submit(request(at))).isUploaded).toBe(true);
});

test("expired upload credentials lead to a new submission, a third time to an end", async () => {
  const at = await world();
  at.fake.fail("s3", { kind: "s3", what: "expired" });
  const record = await submit(request(at));
  expect(at.fake.notary.submissions.size).toBe(2);
  expect([...at.fake.notary.submissions.keys()][1]).toBe(record.id);

  at.fake.fail("s3", ...Array.from({ length: 3 }, () => ({ kind: "s3", what: "expired" }) as const));
  const { error, printed } = await failure(submit(request(at)));
  expect(error).toMatchObject({ code: "NOTARY_UPLOAD", message: expect.stringContaining("12 hours") });
  expectNoSecrets(at, printed);
});

test("S3's refusal is told without the credentials that it repeats", async () => {
  const at = await world();
  at.fake.fail("s3", { kind: "s3", what: "denied" });
  const { error, printed } = await failure(submit(request(at)));
  expect(error).toMatchObject({ code: "NOTARY_UPLOAD", message: expect.stringContaining("AccessDenied") });
  expect(await readSubmission(request(at).recordPath)).toMatchObject({ isUploaded: false });
  expectNoSecrets(at, printed);
});

test("a file that changes while it goes up is never sent whole", async () => {
  const at = await world();
  const original = at.around.fetch;
  const around = {
    ...at.around,
    fetch: (async (url: string, init: RequestInit) => {
      // As the upload begins, one byte of the file's end changes.
      if (init.method === "PUT")
        await writeFile(at.zip, Buffer.concat([ZIP.subarray(0, -1), Buffer.from([(ZIP.at(-1) ?? 0) ^ 1])]));
      return await original(url, init);
    }) as typeof fetch,
  };
  await expect(submit({ ...request(at), around })).rejects.toMatchObject({ code: "NOTARY_FILE_CHANGED" });
  expect(at.fake.s3.objects.size).toBe(0);
});

test("Apple's Invalid becomes a problem for each file and reason, and is never tried again", async () => {
  const at = await world();
  at.fake.notary.judge = () => "Invalid";
  const path = "Notes.zip/Notes.app/Contents/MacOS/notesd";
  at.fake.notary.logOf = ({ sha256 }) => ({
    logFormatVersion: 1,
    status: "Invalid",
    statusSummary: "Archive contains critical validation errors",
    statusCode: 4000,
    sha256,
    issues: [
      {
        severity: "error",
        code: null,
        path,
        message: "The signature does not include a secure timestamp.",
        docUrl: null,
        architecture: "x86_64",
      },
      {
        severity: "error",
        code: null,
        path,
        message: "The signature does not include a secure timestamp.",
        docUrl: null,
        architecture: "arm64",
      },
      {
        severity: "error",
        code: null,
        path,
        message: "The executable does not have the hardened runtime enabled.",
        architecture: "arm64",
      },
      { severity: "warning", path, message: "A warning." },
    ],
  });
  const { error, printed } = await failure(notarize(request(at)));
  expect(error).toBeInstanceOf(ProblemsError);
  expect((error as ProblemsError).problems).toMatchObject([
    {
      code: "NOTARY_NO_TIMESTAMP",
      message: `${path} (x86_64, arm64): "The signature does not include a secure timestamp."`,
    },
    { code: "NOTARY_NO_HARDENED_RUNTIME", message: expect.stringContaining("hardened runtime") },
  ]);
  expect(at.fake.seen.filter((line) => line === "GET status 200")).toHaveLength(1);
  expectNoSecrets(at, printed);
});

test("a log of other bytes than were sent says so first", async () => {
  const at = await world();
  at.fake.notary.judge = () => "Rejected";
  at.fake.notary.logOf = () => ({ status: "Invalid", statusSummary: "Corrupt", sha256: "0".repeat(64), issues: null });
  const { error } = await failure(notarize(request(at)));
  expect((error as ProblemsError).problems.map(({ code }) => code)).toEqual([
    "NOTARY_UPLOAD_DAMAGED",
    "NOTARY_ARCHIVE",
  ]);
});

test("a log is fetched over https only, and without the token", async () => {
  const at = await world();
  at.fake.notary.judge = () => "Invalid";
  at.fake.notary.logUrl = "http://example.org/%s?X-Amz-Signature=log-signature-secret";
  const { error, printed } = await failure(notarize(request(at)));
  expect(error).toMatchObject({ code: "NOTARY_REJECTED", message: expect.stringContaining("only https is read") });
  expectNoSecrets(at, printed);
});

test("ninety minutes of waiting: a line at least every 30 s, bad hours and all, then acceptance", async () => {
  const at = await world();
  at.fake.notary.judge = () => (at.elapsedMs() >= 90 * 60_000 ? "Accepted" : "In Progress");
  at.fake.fail(
    "status",
    ...Array.from(
      { length: 20 },
      (_, index) =>
        ({ kind: "status", status: index % 2 === 0 ? 504 : 429, headers: { "retry-after": "300" } }) as const,
    ),
  );
  await notarize(request(at));
  const times = [0, ...at.lines.map(({ atMs }) => atMs), at.elapsedMs()];
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(30_000);
  expect(at.elapsedMs()).toBeGreaterThanOrEqual(90 * 60_000);
  expect(at.elapsedMs()).toBeLessThan(96 * 60_000);
  expect(at.lines.some(({ text }) => text.includes("waiting for Apple's verdict"))).toBe(true);
});

test("a lost upload ends at the limit of two hours, with the way to wait on", async () => {
  const at = await world();
  at.fake.fail("s3", { kind: "s3", what: "lost" });
  await expect(notarize(request(at))).rejects.toMatchObject({
    code: "NOTARY_WAIT_LIMIT",
    message: expect.stringContaining("within 120 minutes"),
    remedy: expect.stringContaining("--resume"),
  });
  expect(at.elapsedMs()).toBe(2 * 3_600_000);
});

test("an aborted wait stops at once with the signal's reason", async () => {
  const at = await world();
  at.fake.notary.judge = () => {
    if (at.elapsedMs() > 60_000) at.abort.abort(new Error("stopped by the user"));
    return "In Progress";
  };
  await expect(notarize(request(at))).rejects.toThrow("stopped by the user");
});

test("an upload that never ended is not waited for", async () => {
  const at = await world();
  at.fake.fail("s3", { kind: "s3", what: "denied" });
  await failure(submit(request(at)));
  await expect(resume({ ...at.access, recordPath: request(at).recordPath })).rejects.toMatchObject({
    code: "NOTARY_NOT_UPLOADED",
    remedy: expect.stringContaining("erth notarize --submit"),
  });
});

test("another team's key finds no submission", async () => {
  const at = await world();
  await submit(request(at));
  at.fake.notary.submissions.clear();
  await expect(resume({ ...at.access, recordPath: request(at).recordPath })).rejects.toMatchObject({
    code: "NOTARY_NOT_FOUND",
    remedy: expect.stringContaining("team"),
  });
});

test("a submission that is not known everywhere at once, and a log that comes late, only cost time", async () => {
  const at = await world();
  at.fake.notary.judge = () => "Invalid";
  at.fake.fail("status", { kind: "status", status: 404 }, { kind: "status", status: 404 });
  at.fake.fail("logs", { kind: "status", status: 404 });
  const { error } = await failure(notarize(request(at)));
  expect(error).toBeInstanceOf(ProblemsError);
  expect(at.elapsedMs()).toBe(90_000);
});

test("the list of a team's submissions, which doctor asks for to try a key", async () => {
  const at = await world();
  const { id } = await submit(request(at));
  const { createNotaryClient } = await import("../../../../../signing/apple/notary/client.ts");
  const { requireApiKey } = await import("../../../../../signing/apple/notary/credentials.ts");
  const client = createNotaryClient({
    credentials: requireApiKey(at.access.credentials),
    around: at.around,
    url: at.fake.notaryUrl,
  });
  expect(await client.list()).toMatchObject([{ id, name: "Notes.zip", status: "Accepted" }]);
});
