/** The ticket part of the stand-in: CloudKit's public `records/lookup`. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody, sendJson } from "./notary-body.ts";

export interface CloudKitFault {
  readonly kind: "cloudkit";
  readonly what: "miss" | "corrupt-base64" | "wrong-magic" | "wrong-type" | "other-record" | "no-records";
}

export interface CloudKitState {
  /** Tickets by record name. */
  readonly tickets: Map<string, Uint8Array>;
}

export function newCloudKitState(): CloudKitState {
  return { tickets: new Map() };
}

export async function serveCloudKit(
  state: CloudKitState,
  request: IncomingMessage,
  response: ServerResponse,
  fault: CloudKitFault | undefined,
): Promise<void> {
  const body = JSON.parse((await readBody(request)).toString()) as { records: { recordName: string }[] };
  if (fault?.what === "no-records") return sendJson(response, 200, {});
  const records = body.records.map(({ recordName }) => {
    const ticket = state.tickets.get(recordName);
    if (ticket === undefined || fault?.what === "miss") {
      return { recordName, reason: "Record not found", serverErrorCode: "NOT_FOUND" };
    }
    const base64 = Buffer.from(
      fault?.what === "wrong-magic" ? Buffer.from("PK\u0003\u0004".repeat(10)) : ticket,
    ).toString("base64");
    return {
      recordName: fault?.what === "other-record" ? `${recordName}0` : recordName,
      recordType: "DeveloperIDTicket",
      fields: {
        signedTicket: {
          type: fault?.what === "wrong-type" ? "STRING" : "BYTES",
          value: fault?.what === "corrupt-base64" ? base64.slice(0, -3) : base64,
        },
      },
      pluginFields: {},
      recordChangeTag: "k1",
      created: { timestamp: 1, userRecordName: "_d", deviceID: "2" },
      modified: { timestamp: 1, userRecordName: "_d", deviceID: "2" },
      deleted: false,
    };
  });
  sendJson(response, 200, { records });
}
