/** The style sheet of the size page; it stands in the page, which loads nothing. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: #1c1b1a; --soft: #6d6a66; --paper: #faf9f7; --card: #fff; --rule: #e4e1dc; --bad: #b3261e; --good: #1f7a4d;
  --p0: #7fa7d9; --p1: #8fc9a3; --p2: #e6b877; --p3: #d98f9c; --p4: #b9a4dc; --p5: #c9c5be; }
@media (prefers-color-scheme: dark) { :root { --ink: #eeebe6; --soft: #a39f99; --paper: #171614; --card: #201f1c; --rule: #37342f; --bad: #ff8a80; --good: #7ad6a6;
  --p0: #3f6799; --p1: #3f7d56; --p2: #8f6a2f; --p3: #8d4855; --p4: #65518a; --p5: #57534c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 40px 24px 64px; max-width: 1040px; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { margin: 0; font-size: 26px; letter-spacing: -0.01em; } h2 { margin: 36px 0 12px; font-size: 18px; }
.lead { margin: 4px 0 28px; color: var(--soft); }
details { margin: 0 0 12px; border: 1px solid var(--rule); border-radius: 10px; background: var(--card); }
summary { display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 14px 18px; cursor: pointer; align-items: baseline; }
summary:focus-visible { outline: 2px solid var(--p0); outline-offset: 2px; border-radius: 10px; }
summary b { flex: 1 1 320px; font-weight: 600; overflow-wrap: anywhere; } summary span { font-variant-numeric: tabular-nums; }
.inside { padding: 0 18px 18px; overflow-x: auto; }
.map, .chart { display: block; width: 100%; height: auto; min-width: 560px; }
.map text { font: 13px system-ui, sans-serif; fill: var(--ink); pointer-events: none; } .package { fill: none; stroke: var(--card); stroke-width: 1; pointer-events: all; }
${[0, 1, 2, 3, 4, 5].map((part) => `.part-${part} { fill: var(--p${part}); } i.part-${part} { background: var(--p${part}); } .line-${part} { --line: var(--p${part}); }`).join("\n")}
i { display: inline-block; width: 11px; height: 11px; margin-right: 8px; border-radius: 3px; }
.line polyline { fill: none; stroke: var(--line); stroke-width: 2.5; } .line circle { fill: var(--line); } .grid { stroke: var(--rule); } .axis { font: 12px system-ui, sans-serif; fill: var(--soft); }
table { width: 100%; margin-top: 14px; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--rule); } th { font-weight: 500; color: var(--soft); }
th:first-child, td:first-child { text-align: left; padding-left: 0; } .up { color: var(--bad); } .down { color: var(--good); }
.problem { margin: 0 0 12px; padding: 12px 18px; border-left: 4px solid var(--bad); border-radius: 6px; background: var(--card); }
.bar { flex: 0 0 120px; height: 8px; border-radius: 4px; background: var(--rule); overflow: hidden; align-self: center; } .bar b { display: block; height: 100%; background: var(--good); } .bar.over b { background: var(--bad); }
`;
