/** What the error page says and how it looks: plain HTML, one style, no script. Every value is escaped. */
import type { Problem } from "../base/errors.ts";

export interface ErrorPageFacts {
  readonly appName: string;
  /** The last failure, as the supervisor names it. */
  readonly reason: string;
  /** What the sidecar itself said, if it did. */
  readonly problems: readonly Problem[];
  /** The newest log lines, oldest first. */
  readonly lines: readonly string[];
  readonly logFolder: string;
}

export const RESTART_PATH = "/restart";

/** The page; `nonce` is the style's. */
export function renderErrorPage(facts: ErrorPageFacts, nonce: string): string {
  const { appName, reason, problems, lines, logFolder } = facts;
  const said = problems.map(
    ({ code, message, remedy }) => `
    <div class="said">
      <p>${escapeHtml(message)}</p>
      <p class="do"><b>What to do</b> ${escapeHtml(remedy)}</p>
      <p class="code">${escapeHtml(code)}</p>
    </div>`,
  );
  const log = lines.length === 0 ? "The log is empty." : lines.map(escapeHtml).join("\n");
  return frame(
    appName,
    nonce,
    `
    <p class="mark" aria-hidden="true">!</p>
    <h1>${escapeHtml(appName)} could not keep running</h1>
    <p>It stopped several times in a row and has been paused. Your data is where it was.</p>
    ${said.join("")}
    <p class="reason">${escapeHtml(sentence(reason))}</p>
    <form method="post" action="${RESTART_PATH}"><button autofocus>Restart</button></form>
    <details>
      <summary>Details for support</summary>
      <p>Log folder</p>
      <p class="path">${escapeHtml(logFolder)}</p>
      <pre tabindex="0" aria-label="Last lines of the log">${log}</pre>
    </details>`,
  );
}

/** What the window shows between the button and the app's first page. */
export function renderRestartingPage({ appName }: ErrorPageFacts, nonce: string): string {
  return frame(
    appName,
    nonce,
    `
    <h1>Restarting ${escapeHtml(appName)}…</h1>
    <p role="status">This takes a moment.</p>`,
  );
}

/** Text for an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

function sentence(reason: string): string {
  const text = reason.slice(0, 1).toUpperCase() + reason.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function frame(title: string, nonce: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${escapeHtml(title)}</title>
  <style nonce="${escapeHtml(nonce)}">${style}</style>
</head>
<body>
  <main>${body}
  </main>
</body>
</html>
`;
}

const style = `
:root {
  color-scheme: light dark;
  --page: #f4f4f6; --card: #ffffff; --text: #1c1c21; --soft: #62626e; --line: #e2e2e8;
  --accent: #2f5fde; --on-accent: #ffffff; --warn: #b3261e; --warn-soft: #fbeceb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #141417; --card: #1f1f24; --text: #ececf1; --soft: #a0a0ad; --line: #33333b;
    --accent: #7ea2ff; --on-accent: #10131c; --warn: #ff9a92; --warn-soft: #3a2322;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px;
  background: var(--page); color: var(--text);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, Cantarell, sans-serif;
}
main {
  width: min(560px, 100%); padding: 32px; background: var(--card);
  border: 1px solid var(--line); border-radius: 16px; box-shadow: 0 12px 40px rgb(0 0 0 / 8%);
  overflow-wrap: anywhere;
}
.mark {
  width: 40px; height: 40px; margin: 0 0 16px; border-radius: 12px; display: grid; place-items: center;
  background: var(--warn-soft); color: var(--warn); font-weight: 700; font-size: 20px;
}
h1 { margin: 0 0 8px; font-size: 20px; line-height: 1.3; letter-spacing: -0.01em; }
p { margin: 0 0 12px; }
.said { margin: 20px 0; padding: 4px 0 4px 16px; border-left: 3px solid var(--warn); }
.said p { margin: 0 0 6px; }
.do b { font-weight: 600; margin-right: 4px; }
.code, .reason, .path, summary { color: var(--soft); font-size: 13px; }
.code, .path, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
button {
  margin: 8px 0 20px; padding: 10px 22px; border: 0; border-radius: 10px; cursor: pointer;
  background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600;
}
button:hover { filter: brightness(1.07); }
button:focus-visible, summary:focus-visible, pre:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
details { border-top: 1px solid var(--line); padding-top: 14px; }
summary { cursor: pointer; }
details p { margin: 12px 0 4px; font-size: 13px; }
details .path { margin: 0 0 12px; }
pre {
  margin: 0; padding: 12px; max-height: 260px; overflow: auto; border: 1px solid var(--line); border-radius: 10px;
  background: var(--page); font-size: 12px; line-height: 1.5; white-space: pre-wrap;
}
`;
