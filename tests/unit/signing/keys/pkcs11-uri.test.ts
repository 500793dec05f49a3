import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ErthError } from "../../../../runtime/base/errors.ts";
import { parsePkcs11Uri } from "../../../../signing/keys/pkcs11-uri.ts";

test.each([
  ["pkcs11:?module-path=/m.so", { module: "/m.so" }],
  ["pkcs11:token=Two%20Words;object=code?module-path=/m.so", { module: "/m.so", token: "Two Words", key: "code" }],
  // As `p11tool --list-tokens` prints it.
  [
    "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=2f1c;token=Release;id=%01%AB?module-path=/m.so",
    { module: "/m.so", token: "2f1c", key: "01ab" },
  ],
])("%s", (uri, place) => {
  expect(parsePkcs11Uri(uri)).toEqual(place);
});

test.each([
  ["http://x", /does not begin with pkcs11:/],
  ["pkcs11:token=a", /has no module-path/],
  ["pkcs11:token=a;token=b?module-path=/m", /"token" twice/],
  ["pkcs11:token?module-path=/m", /no name=value/],
  ["pkcs11:token=%4?module-path=/m", /percent sign/],
  ["pkcs11:tokn=a?module-path=/m", /"tokn" is not known/],
  ["pkcs11:token=a?module-path=/m&pin-value=s3cret", /names a PIN/],
])("%s is refused", (uri, message) => {
  expect(() => parsePkcs11Uri(uri)).toThrow(message);
});

test("any text is a place or a KEY_CONFIG, which never shows a PIN", () => {
  fc.assert(
    fc.property(fc.string(), (rest) => {
      try {
        parsePkcs11Uri(`pkcs11:${rest}`);
      } catch (error) {
        expect(error).toBeInstanceOf(ErthError);
        expect((error as ErthError).code).toBe("KEY_CONFIG");
      }
    }),
  );
});
