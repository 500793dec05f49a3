/** The one ElectroBun that this project knows to the byte, and the Bun that it was released with. */
export const ELECTROBUN_VERSION = "1.18.1";
export const ELECTROBUN_BUN_VERSION = "1.3.13";
