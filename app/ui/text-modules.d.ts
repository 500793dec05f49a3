/** Files that are embedded as text: `import text from "./keyboard.js" with { type: "text" }`. */

declare module "*/keyboard.js" {
  const text: string;
  export default text;
}
