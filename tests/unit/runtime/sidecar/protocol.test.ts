import { expect, test } from "vitest";
import {
  answerChallenge,
  isAnswer,
  isBootTicket,
  newBootTicket,
  newChallenge,
  newSecret,
  sameHex,
} from "../../../../runtime/sidecar/protocol.ts";

test("only the same secret answers a challenge, and the answer fits that challenge alone", () => {
  const secret = newSecret();
  const challenge = newChallenge(secret);
  const answer = answerChallenge(secret, challenge);
  expect(isAnswer(secret, challenge, answer!)).toBe(true);
  expect(isAnswer(secret, newChallenge(secret), answer!)).toBe(false);
  expect(answerChallenge(newSecret(), challenge)).toBeUndefined();
  expect(isAnswer(secret, challenge, challenge.split(".")[1]!), "an echo is no answer").toBe(false);
});

test("a changed character anywhere makes a challenge and a ticket worthless", () => {
  const secret = newSecret();
  const challenge = newChallenge(secret);
  const ticket = newBootTicket(secret, 1000);
  const flip = (text: string, at: number) => text.slice(0, at) + (text[at] === "0" ? "1" : "0") + text.slice(at + 1);
  for (let at = 0; at < challenge.length; at += 1) {
    expect(answerChallenge(secret, flip(challenge, at))).toBeUndefined();
  }
  for (let at = 0; at < ticket.length; at += 1) expect(isBootTicket(secret, flip(ticket, at), 1000)).toBe(false);
  expect(isBootTicket(secret, `${ticket}.x`, 1000)).toBe(false);
  expect(isBootTicket(secret, ticket, 1000)).toBe(true);
});

test("comparison refuses a prefix", () => {
  expect(sameHex("ab", "abc")).toBe(false);
  expect(sameHex("", "")).toBe(true);
});
