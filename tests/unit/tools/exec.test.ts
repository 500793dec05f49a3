import { expect, test } from "vitest";
import { exec } from "../../../build/tools/exec.ts";
import { Secret } from "../../../runtime/base/secret.ts";

test("a secret reaches the program, and nothing that is printed", async () => {
  const secret = new Secret("hunter2-and-more");
  const script =
    "process.stdout.write(process.env.KEY + process.argv[1]); console.error(process.env.KEY); process.exit(Number(process.argv[2]))";
  const { stdout } = await exec(process.execPath, ["-e", script, secret, "0"], { env: { KEY: secret } });
  expect(stdout).toBe("[secret][secret]");
  const failure = await exec(process.execPath, ["-e", script, secret, "3"], { env: { KEY: secret } }).catch(
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ code: "EXEC_FAILED", facts: { code: 3 } });
  expect(`${String(failure)} ${JSON.stringify(failure)} ${JSON.stringify(secret)} ${String(secret)}`).not.toContain(
    "hunter2",
  );
});

test("a program that does not exist is named", async () => {
  await expect(exec("no-such-program-of-erth", [])).rejects.toThrow(
    expect.objectContaining({ code: "EXEC_NOT_STARTED" }),
  );
});

test("what is written to stdin arrives", async () => {
  expect((await exec(process.execPath, ["-e", "process.stdin.pipe(process.stdout)"], { stdin: "line\n" })).stdout).toBe(
    "line\n",
  );
});
