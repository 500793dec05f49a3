import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ErthError } from "../../../../../runtime/base/errors.ts";
import { explainNotaryLog, parseNotaryLog, warningLines } from "../../../../../signing/apple/notary/log-report.ts";

const ID = "2efe2717-52ef-43a5-96dc-0797e4ca1041";

function logWith(message: string, more: object = {}): string {
  return JSON.stringify({
    status: "Invalid",
    statusSummary: "S",
    statusCode: 4000,
    issues: [{ severity: "error", path: "a.zip/x", message, ...more }],
  });
}

// The messages as Apple's logs have them.
test.each([
  ["The binary is not signed.", "NOTARY_UNSIGNED"],
  ["The binary is not signed with a valid Developer ID certificate.", "NOTARY_NOT_DEVELOPER_ID"],
  ["The signature of the binary is invalid.", "NOTARY_SIGNATURE_INVALID"],
  ["The signature does not include a secure timestamp.", "NOTARY_NO_TIMESTAMP"],
  ["The executable does not have the hardened runtime enabled.", "NOTARY_NO_HARDENED_RUNTIME"],
  ["The executable requests the com.apple.security.get-task-allow entitlement.", "NOTARY_GET_TASK_ALLOW"],
  ["The binary uses an SDK older than the 10.9 SDK.", "NOTARY_OLD_SDK"],
  ["The signature algorithm used is too weak.", "NOTARY_WEAK_SIGNATURE"],
  ["Package Notes.zip has no signed executables or bundles. No tickets can be generated.", "NOTARY_NOTHING_SIGNED"],
  ["Team is not yet configured for notarization. Please contact Developer Programs Support.", "NOTARY_TEAM"],
  ["Something that Apple says for the first time.", "NOTARY_REJECTED"],
])("%s → %s", (message, code) => {
  const [problem, ...more] = explainNotaryLog(parseNotaryLog(logWith(message)), "a.zip", ID);
  expect(more).toEqual([]);
  expect(problem).toMatchObject({
    code,
    message: `a.zip/x: "${message}"`,
    remedy: expect.stringMatching(/erth|developer\.apple\.com/),
  });
});

test("an unknown reason comes with Apple's page, and only Apple's", () => {
  const remedy = (docUrl: string): string =>
    explainNotaryLog(parseNotaryLog(logWith("New.", { docUrl })), "a.zip", ID)[0]?.remedy ?? "";
  expect(remedy("https://developer.apple.com/documentation/x#3087724")).toContain(
    "read https://developer.apple.com/documentation/x#3087724,",
  );
  expect(remedy("https://developer.apple.com.evil.example/x")).not.toContain("evil");
});

test("a rejection without issues still is a problem, and warnings are none", () => {
  const log = parseNotaryLog(
    '{"status":"Invalid","statusSummary":"Team is not yet configured for notarization","issues":null}',
  );
  expect(explainNotaryLog(log, "a.zip", ID)).toMatchObject([{ code: "NOTARY_TEAM" }]);
  const warned = parseNotaryLog('{"status":"Accepted","issues":[{"severity":"warning","path":"p","message":"m"}]}');
  expect(warningLines(warned)).toEqual(["notary warning: p: m"]);
});

test("a log cannot move the cursor, reorder text or forge a line", () => {
  const [problem] = explainNotaryLog(parseNotaryLog(logWith("bad\u001b[2J\r\nerror[FORGED]\u202e x")), "a.zip", ID);
  expect(problem?.message).toBe('a.zip/x: "bad [2J error[FORGED] x"');
});

test("no cut of a log is a log", () => {
  const text = logWith("The binary is not signed.");
  for (let end = 0; end < text.length; end += 1)
    expect(() => parseNotaryLog(text.slice(0, end))).toThrow(expect.objectContaining({ code: "NOTARY_LOG" }));
});

test("whatever JSON comes, it is a log with a reason or NOTARY_LOG", () => {
  const field = fc.oneof(fc.string(), fc.constant(null), fc.integer(), fc.constant(undefined));
  const issue = fc.record({ severity: field, path: field, message: field, architecture: field, docUrl: field });
  const log = fc.record({
    status: field,
    statusSummary: field,
    statusCode: field,
    sha256: field,
    issues: fc.oneof(field, fc.array(issue)),
  });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        log.map((value) => JSON.stringify(value)),
        fc.string(),
      ),
      (text) => {
        try {
          const problems = explainNotaryLog(parseNotaryLog(text), "a.zip", ID);
          expect(problems.length).toBeGreaterThan(0);
          for (const { message, remedy } of problems) expect(`${message}${remedy}`).toMatch(/^[^\p{Cc}]+$/u);
        } catch (error) {
          expect(error).toBeInstanceOf(ErthError);
          expect(error).toMatchObject({ code: "NOTARY_LOG" });
        }
      },
    ),
    { numRuns: 400 },
  );
});
