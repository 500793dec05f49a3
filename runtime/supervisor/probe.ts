/**
 * Step 3 of `protocol.ts` on the parent's side: one health request. Written
 * on a plain socket, because both runtimes' HTTP clients may obey the proxy
 * variables of the user's environment, and a probe must not leave the machine.
 */
import { connect } from "node:net";
import { CHALLENGE_HEADER, HEALTH_PATH, isAnswer, newChallenge } from "../sidecar/protocol.ts";

/** `silent`: nothing usable within the time; `stranger`: an HTTP answer by something that does not know the secret. */
export type Health = "alive" | "silent" | "stranger";

const ANSWER_LIMIT_BYTES = 8192;

/** Probes 127.0.0.1:`port`; never rejects. */
export function probeHealth(port: number, secret: string, timeoutMs: number): Promise<Health> {
  const challenge = newChallenge(secret);
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ host: "127.0.0.1", port });
    const settle = (health: Health): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(health);
    };
    const timer = setTimeout(() => settle("silent"), timeoutMs);
    const judge = (isWhole: boolean): void => {
      // A proof cannot be guessed, so wherever it stands it proves.
      const proofs = answer.slice(answer.indexOf("\r\n\r\n")).match(/\b[0-9a-f]{64}\b/g) ?? [];
      if (proofs.some((proof) => isAnswer(secret, challenge, proof))) settle("alive");
      else if (isWhole || answer.length > ANSWER_LIMIT_BYTES) settle(answer === "" ? "silent" : "stranger");
    };
    socket.setEncoding("latin1");
    socket.on("connect", () => {
      const lines = [
        `GET ${HEALTH_PATH} HTTP/1.1`,
        `Host: 127.0.0.1:${port}`,
        `${CHALLENGE_HEADER}: ${challenge}`,
        "Connection: close",
      ];
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    });
    socket.on("data", (text) => {
      answer += String(text);
      judge(false);
    });
    socket.on("end", () => judge(true));
    socket.on("error", () => settle("silent"));
    socket.on("close", () => judge(true));
  });
}
