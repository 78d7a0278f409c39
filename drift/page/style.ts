/** The look of every page: readable on a phone at night, in print, and without colours. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --quiet: #566171; --paper: #ffffff; --line: #d5dbe3; --tint: #f3f5f8;
  --good: #176f42; --bad: #b3261e; --odd: #7d5200; --link: #0b57a8; --git: #d3e5ff; --live: #ffe3b8; --edge: #566171; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ecf3; --quiet: #a9b4c3; --paper: #12161c; --line: #333c48;
  --tint: #1b212a; --good: #5fd39a; --bad: #ff8f85; --odd: #f2c25c; --link: #8ec2ff; --git: #17406f; --live: #5e3d05;
  --edge: #a9b4c3; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: anywhere; }
header { border-left: .5rem solid var(--odd); padding: .25rem 1rem; margin-bottom: 1rem; }
header.in-sync { border-color: var(--good); } header.drifted { border-color: var(--bad); }
header h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; } header p { margin: .25rem 0; }
.verdict { font-weight: 700; color: var(--odd); } .in-sync .verdict { color: var(--good); } .drifted .verdict { color: var(--bad); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 0 0 1rem; padding: 0; }
a { color: var(--link); } :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 0 0 .25rem; }
h4 { font-size: .95rem; font-weight: 600; margin: .5rem 0 .25rem; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; margin: .75rem 0;
  content-visibility: auto; contain-intrinsic-size: auto 9rem; }
.finding + .finding { border-top: 1px solid var(--line); margin-top: .75rem; padding-top: .25rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
th { font-weight: 600; color: var(--quiet); } .facts th { width: 8.5rem; } .counts tr { border-bottom: 1px solid var(--line); }
.counts { overflow-wrap: normal; } .counts td { overflow-wrap: anywhere; min-width: 2rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; line-height: 1.45; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { background: var(--tint); padding: .75rem 1rem; border-radius: .5rem; margin: .5rem 0; } pre code { font-size: inherit; }
.sides { margin: .5rem 0 0; display: grid; gap: .5rem; } .sides > div { display: grid; grid-template-columns: 3.5rem 1fr; gap: .5rem; }
dt { color: var(--quiet); font-weight: 600; } dd { margin: 0; min-width: 0; background: var(--tint); padding: .15rem .5rem; border-radius: .25rem; }
del, ins { color: inherit; text-decoration: none; padding: 0 .1em; border-radius: .15em; }
del { background: var(--git); border-bottom: 2px dashed var(--edge); } ins { background: var(--live); border-bottom: 2px solid var(--edge); }
.badges { margin: .25rem 0; } .badge { border: 1px solid var(--line); border-radius: 1rem; padding: .05rem .6rem; font-size: .85rem; }
.quiet { color: var(--quiet); } .sides + .quiet { margin: .25rem 0 0; } ul { padding-left: 1.25rem; }
@media (min-width: 48rem) { .long { grid-template-columns: 1fr 1fr; } .long > div { grid-template-columns: 1fr; gap: .25rem; align-content: start; } }
@media (max-width: 30rem) { .sides > div { grid-template-columns: 1fr; gap: 0; } .facts th { width: 6rem; } .counts th, .counts td { padding-right: .5rem; } }
@media print { body { font-size: 11px; } main { max-width: none; padding: 0; } nav { display: none; } a { color: inherit; }
  article { content-visibility: visible; } .finding, header, tr { break-inside: avoid; } h2, h3, h4 { break-after: avoid; } }
`;
