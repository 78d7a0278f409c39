/** The look of every page: readable on a phone at night, in print, and without colours. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --quiet: #5a6675; --paper: #ffffff; --line: #d5dbe3; --tint: #f3f5f8;
  --good: #1a7f4b; --bad: #b3261e; --odd: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ecf3; --quiet: #a3afbf; --paper: #12161c; --line: #333c48;
  --tint: #1b212a; --good: #5fd39a; --bad: #ff8f85; --odd: #f2c25c; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
header { border-left: .5rem solid var(--odd); padding: .25rem 1rem; margin-bottom: 1.5rem; }
header.in-sync { border-color: var(--good); } header.drifted { border-color: var(--bad); }
header h1 { margin: 0; font-size: 1.75rem; } header p { margin: .25rem 0; }
.verdict { font-weight: 700; color: var(--odd); } .in-sync .verdict { color: var(--good); } .drifted .verdict { color: var(--bad); }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 0 0 .25rem; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; margin: .75rem 0; break-inside: avoid; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
th { white-space: nowrap; font-weight: 600; color: var(--quiet); width: 1%; }
code, pre { font: .9em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
.sides code { background: var(--tint); padding: .1rem .3rem; border-radius: .25rem; }
pre { background: var(--tint); padding: .75rem 1rem; border-radius: .5rem; }
.badges { margin: .25rem 0; } .badge { border: 1px solid var(--line); border-radius: 1rem; padding: .05rem .6rem; margin-right: .4rem; font-size: .85rem; }
.quiet { color: var(--quiet); } a { color: inherit; }
`;
