/** Sidecars that break the contract, one way each: `bad.ts <way>`. */
import { writeSync } from "node:fs";
import { createServer } from "node:http";

const way = process.argv[2] ?? "";
const ready = (facts: object): void => void writeSync(3, `${JSON.stringify({ v: 1, pid: process.pid, ...facts })}\n`);

const ways: Readonly<Record<string, () => void>> = {
  garbage: () => void writeSync(3, "Listening on http://127.0.0.1:8080\n"),
  oversized: () => void writeSync(3, "x".repeat(10_000)),
  "wrong-version": () => ready({ v: 2, port: 1 }),
  duplicate: () => {
    ready({ port: 1 });
    ready({ port: 2 });
  },
  silent: () => {},
  exit: () => {
    console.error("cannot start: out of luck");
    process.exit(7);
  },
  // Something else has the port: it answers, but cannot know the secret.
  stranger: () => {
    const server = createServer((_, response) => response.end("welcome"));
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address === "object" && address !== null) ready({ port: address.port });
    });
  },
  // Port 1 of the loopback: nobody listens there.
  deaf: () => ready({ port: 1 }),
};

setInterval(() => {}, 1000);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
ways[way]?.();
