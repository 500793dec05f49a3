/**
 * The response's nonce, for components. hx-csp strips the attributes of every
 * element that acts (`hx-get`, `hx-post`, …) without `hx-nonce`, so that HTML
 * that someone smuggled in stays dead.
 */
import { createContext, useContext } from "hono/jsx";

export const Nonce = createContext("");

/** The nonce to stamp on elements with `hx-nonce`, and on scripts and styles with `nonce`. */
export function useNonce(): string {
  return useContext(Nonce);
}
