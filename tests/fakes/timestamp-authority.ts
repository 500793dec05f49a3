/** A loopback RFC 3161 time-stamping authority with a fixed clock and faults on demand. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  bitString,
  boolean,
  type DerNode,
  explicit,
  generalizedTime,
  integer,
  nullValue,
  octetString,
  oid,
  parseDer,
  sequence,
  utf8String,
} from "../../signing/cms/der.ts";
import { parseCertificate } from "../../signing/cms/certificate.ts";
import { oids } from "../../signing/cms/oids.ts";
import { createSignedData } from "../../signing/cms/signed-data.ts";
import { type Identity, timestampIdentity } from "./certificate-authority.ts";

export type TimestampFault =
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "slow"; readonly delayMs: number }
  /** The connection ends in the middle of the reply, whose length was announced. */
  | { readonly kind: "reset" }
  /** A reply that is whole for HTTP but half a DER. */
  | { readonly kind: "truncated" }
  | { readonly kind: "wrong-imprint" }
  | { readonly kind: "wrong-nonce" }
  | { readonly kind: "wrong-certificate"; readonly identity: Identity }
  | { readonly kind: "broken-signature" }
  | { readonly kind: "not-a-reply" }
  | { readonly kind: "rejection"; readonly failureBit: number; readonly text: string }
  /** Granted, but without a token. */
  | { readonly kind: "empty" };

export interface TimestampAuthority {
  readonly url: string;
  readonly identity: Identity;
  /** How many requests came in. */
  readonly requests: readonly { readonly contentType: string | undefined; readonly query: Uint8Array }[];
  /** The next requests meet these faults, one each; after them all goes well. */
  fail(...faults: readonly TimestampFault[]): void;
  close(): Promise<void>;
}

export interface TimestampAuthorityOptions {
  readonly identity?: Identity;
  /** The time in every token: fixed, so that goldens hold. */
  readonly time?: Date;
}

/** Starts on 127.0.0.1, any port. */
export async function startTimestampAuthority(options: TimestampAuthorityOptions = {}): Promise<TimestampAuthority> {
  const identity = options.identity ?? timestampIdentity();
  const time = options.time ?? new Date("2026-06-01T12:00:00Z");
  const requests: { contentType: string | undefined; query: Uint8Array }[] = [];
  const faults: TimestampFault[] = [];

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const query = Buffer.concat(chunks);
    requests.push({ contentType: request.headers["content-type"], query });
    const fault = faults.shift();
    if (fault?.kind === "status") {
      response.writeHead(fault.status).end("out of order");
      return;
    }
    if (fault?.kind === "slow") await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    const reply = await makeReply(query, identity, time, fault);
    response.writeHead(200, { "content-type": "application/timestamp-reply", "content-length": reply.length });
    if (fault?.kind === "reset") {
      response.write(reply.subarray(0, reply.length / 2), () => response.destroy());
      return;
    }
    response.end(reply);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((cause: unknown) => response.destroy(cause instanceof Error ? cause : undefined));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/timestamp`,
    identity,
    requests,
    fail: (...more) => faults.push(...more),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** A TimeStampResp for the query; also good without a server. */
export async function makeReply(
  query: Uint8Array,
  identity: Identity,
  time: Date,
  fault?: TimestampFault,
): Promise<Uint8Array> {
  if (fault?.kind === "not-a-reply") return Buffer.from("<html>Welcome to the hotel's network</html>");
  if (fault?.kind === "rejection") {
    const bits = Buffer.alloc(Math.ceil((fault.failureBit + 1) / 8));
    bits[fault.failureBit >> 3] = 0x80 >> (fault.failureBit & 7);
    return sequence(sequence(integer(2), sequence(utf8String(fault.text)), bitString(bits)));
  }
  const granted = sequence(integer(0));
  if (fault?.kind === "empty") return sequence(granted);
  const [, imprint, ...optional] = parseDer(query).children;
  if (imprint === undefined) throw new Error("the query has no imprint");
  const nonce = optional.find((node: DerNode) => node.tag === 2);
  const signerIdentity = fault?.kind === "wrong-certificate" ? fault.identity : identity;
  const info = sequence(
    integer(1),
    oid("1.3.6.1.4.1.99999.1"),
    fault?.kind === "wrong-imprint"
      ? sequence(sequence(oid(oids.sha256), nullValue()), octetString(Buffer.alloc(32, 7)))
      : imprint.bytes,
    integer(4711),
    generalizedTime(time),
    sequence(integer(1)), // accuracy: one second
    boolean(true),
    ...(nonce ? [fault?.kind === "wrong-nonce" ? integer(99) : nonce.bytes] : []),
    explicit(0, explicit(4, parseCertificate(signerIdentity.der).subjectDer)),
  );
  const certificateId = sequence(octetString(createHash("sha256").update(signerIdentity.der).digest()));
  const { der } = await createSignedData({
    contentTypeOid: oids.tstInfo,
    content: octetString(info),
    digested: info,
    signedAttributes: [{ oid: oids.signingCertificateV2, values: [sequence(sequence(certificateId))] }],
    signingTime: time,
    rsaSignatureOid: "sha256WithRSAEncryption",
    signer: signerIdentity.signer,
    hint: { file: "timestamp", kind: "test" },
  });
  const token = fault?.kind === "broken-signature" ? withBrokenSignature(der) : der;
  const reply = sequence(granted, token);
  return fault?.kind === "truncated" ? reply.subarray(0, 100) : reply;
}

/** The signature is the last element of a SignerInfo without unsigned attributes. */
function withBrokenSignature(der: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(der);
  copy[copy.length - 5] = (copy.at(-5) ?? 0) ^ 1;
  return copy;
}
