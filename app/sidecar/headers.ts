/**
 * The security headers of every response. Scripts and styles run by nonce
 * alone; `require-trusted-types-for` leaves htmx, under its policy `htmx`
 * (extension hx-csp), as the only code that may turn text into elements.
 */
import type { MiddlewareHandler } from "hono";
import { NONCE, secureHeaders, type SecureHeadersVariables } from "hono/secure-headers";

export interface AppEnv {
  readonly Variables: SecureHeadersVariables;
}

/** Sets the headers and makes a fresh nonce, to be read as `c.get("secureHeadersNonce")`. */
export function appHeaders(): MiddlewareHandler<AppEnv> {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: [NONCE],
      styleSrc: [NONCE],
      connectSrc: ["'self'"],
      imgSrc: ["'self'", "data:"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
      trustedTypes: ["htmx"],
    },
    // `no-referrer` would make WebKit send `Origin: null` with our own POSTs.
    referrerPolicy: "same-origin",
    xFrameOptions: "DENY",
    // Loopback has no certificate: HSTS would lock the user out.
    strictTransportSecurity: false,
    permissionsPolicy: { camera: [], microphone: [], geolocation: [], usb: [], payment: [] },
  });
}
