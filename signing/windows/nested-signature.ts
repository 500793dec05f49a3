/**
 * A second signature beside the first: it goes into the first one's unsigned
 * attribute 1.3.6.1.4.1.311.2.4.1, so that the first stays valid and old
 * readers see only that one. Every other byte of the first is kept.
 */
import { type DerNode, derError, element, explicit, implicit, oid, parseDer, sequence, set } from "../cms/der.ts";
import { isContext, readOid, sequenceOf, setOf } from "../cms/der-values.ts";
import { spcOids } from "./spc.ts";

const WHAT = "Authenticode signature";

/** The outer ContentInfo with the nested one added to its signer. Throws `DER_INVALID` for BER and other shapes. */
export function nestSignature(outer: Uint8Array, nested: Uint8Array): Uint8Array {
  const contentInfo = parseDer(withoutPadding(outer), { what: WHAT });
  const [type, wrapper] = sequenceOf(contentInfo, WHAT);
  const signedData = wrapper?.children[0];
  const fields = sequenceOf(signedData, WHAT);
  const signerInfos = fields.at(-1);
  const [signerInfo, ...others] = setOf(signerInfos, WHAT);
  if (type === undefined || signerInfo === undefined || others.length > 0) {
    throw derError(WHAT, "it does not have exactly one signer");
  }
  const signer = element(0x31, withNested(signerInfo, nested));
  const body = sequence(...fields.slice(0, -1).map(bytesOf), signer);
  return sequence(type.bytes, explicit(0, body));
}

/** A signature without the zeros that align it in the certificate table; anything else behind it stays and is refused later. */
export function withoutPadding(content: Uint8Array): Uint8Array {
  const { end } = parseDer(content, { what: WHAT, ber: true, allowTrailing: true });
  return content.subarray(end).some((byte) => byte !== 0) ? content : content.subarray(0, end);
}

function withNested(signerInfo: DerNode, nested: Uint8Array): Uint8Array {
  const fields = sequenceOf(signerInfo, WHAT);
  const last = fields.at(-1);
  const unsigned = isContext(last, 1) ? last : undefined;
  const attributes = unsigned?.children ?? [];
  const isNesting = (attribute: DerNode): boolean =>
    readOid(sequenceOf(attribute, WHAT)[0], WHAT) === spcOids.nestedSignature;
  const earlier = attributes.filter(isNesting).flatMap((attribute) => setOf(attribute.children[1], WHAT));
  const attribute = sequence(oid(spcOids.nestedSignature), element(0x31, ...earlier.map(bytesOf), nested));
  // The signatures keep the order in which they were made; the attributes are sorted, as DER asks.
  const sorted = implicit(1, set(...attributes.filter((one) => !isNesting(one)).map(bytesOf), attribute));
  return sequence(...fields.slice(0, unsigned ? -1 : undefined).map(bytesOf), sorted);
}

function bytesOf(node: DerNode): Uint8Array {
  return node.bytes;
}
