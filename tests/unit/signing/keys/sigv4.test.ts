import { sign as signAws4 } from "aws4";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Secret } from "../../../../runtime/base/secret.ts";
import { signSigV4 } from "../../../../signing/keys/sigv4.ts";

const DATE = new Date("2015-08-30T12:36:00Z");
const ID = "AKIDEXAMPLE";
const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const credentials = { accessKeyId: ID, secretAccessKey: new Secret(SECRET) };
const authorizationOf = (path: string): string =>
  signSigV4(
    { method: "GET", url: new URL(path, "https://example.amazonaws.com"), headers: {}, body: "" },
    credentials,
    "us-east-1",
    "service",
    DATE,
  )["authorization"] ?? "";

// From AWS's published test suite for Signature Version 4.
test.each([
  ["get-vanilla", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
  [
    "get-vanilla-query-order-key-case",
    "/?Param2=value2&Param1=value1",
    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  ],
])("AWS's test case %s", (_, path, signature) => {
  expect(authorizationOf(path)).toBe(
    `AWS4-HMAC-SHA256 Credential=${ID}/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
  );
});

const word = fc.string({ unit: fc.constantFrom(...Array.from("abzAZ09-._~!'()*:@,;=&$ äß日")), maxLength: 8 });
const segment = fc.string({
  unit: fc.constantFrom(...Array.from("abzAZ09-_~!'()*:@,;=$ äß日")),
  minLength: 1,
  maxLength: 8,
});
const anyRequest = fc.record({
  method: fc.constantFrom("GET", "POST", "PUT"),
  service: fc.constantFrom("kms", "s3", "sts"),
  region: fc.constantFrom("eu-west-1", "us-west-2"),
  segments: fc.array(segment, { maxLength: 4 }),
  query: fc.uniqueArray(fc.tuple(segment, word), { maxLength: 4, selector: ([name]) => name }),
  headers: fc.dictionary(
    fc.constantFrom("X-Amz-Target", "Content-Type", "X-Amz-Meta-Note", "content-md5"),
    fc
      .string({ unit: fc.constantFrom(...Array.from("abAB09 =/;.")), minLength: 1, maxLength: 12 })
      .map((text) => `v${text}`),
  ),
  body: word,
  token: fc.option(fc.constant("session/token+="), { nil: undefined }),
});

test("aws4 signs every request the same way", () => {
  fc.assert(
    fc.property(anyRequest, ({ method, service, region, segments, query, headers, body, token }) => {
      const path = `/${segments.map(encodeURIComponent).join("/")}`;
      const search = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
      const url = new URL(search === "" ? path : `${path}?${search}`, "https://host.example");
      const ours = signSigV4(
        { method, url, headers, body },
        token === undefined ? credentials : { ...credentials, sessionToken: new Secret(token) },
        region,
        service,
        DATE,
      );
      const { authorization, ...sent } = ours;
      const unsigned = {
        host: url.host,
        method,
        path: url.pathname + url.search,
        body,
        region,
        service,
        headers: { ...sent, host: url.host },
        extraHeadersToIgnore: { "content-length": true, ...(headers["Content-Type"] ? {} : { "content-type": true }) },
      };
      const theirs = signAws4(unsigned, {
        accessKeyId: ID,
        secretAccessKey: SECRET,
        ...(token === undefined ? {} : { sessionToken: token }),
      });
      expect(authorization).toBe(theirs.headers?.["Authorization"]);
    }),
    { numRuns: 400 },
  );
});

test("a body given by its digest, and one that is not signed", () => {
  const url = new URL("https://bucket.s3.us-west-2.amazonaws.com/a%3Ab/c");
  const sign = (body: string | { sha256: string }): Record<string, string> =>
    signSigV4({ method: "PUT", url, headers: {}, body }, credentials, "us-west-2", "s3", DATE);
  const sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  expect(sign({ sha256 })).toEqual(sign("hello"));
  expect(sign({ sha256: "UNSIGNED-PAYLOAD" })["x-amz-content-sha256"]).toBe("UNSIGNED-PAYLOAD");
});
