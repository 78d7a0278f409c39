/**
 * The look of the widget in the console's two themes. Every rule begins with our own class: the style is one of the whole
 * dashboard. The theme is the console's, not the system's.
 */
export const STYLE = `
.plumbline { --ink: #1c2430; --quiet: #566171; --line: #d5dbe3; --good: #176f42; --bad: #b3261e; --odd: #7d5200; --link: #0b57a8;
  --paper: #ffffff; background: var(--paper); color: var(--ink); font: 13px/1.45 system-ui, sans-serif; padding: 4px; }
.plumbline.dark { --ink: #e7ecf3; --quiet: #a9b4c3; --line: #333c48; --good: #5fd39a; --bad: #ff8f85; --odd: #f2c25c; --link: #8ec2ff;
  --paper: #12161c; }
.plumbline table { border-collapse: collapse; width: 100%; color: inherit; background: none; }
.plumbline th, .plumbline td { text-align: left; vertical-align: top; padding: 4px 8px 4px 0; border-bottom: 1px solid var(--line);
  background: none; color: inherit; overflow-wrap: anywhere; }
.plumbline thead th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
.plumbline tbody th { font-weight: 600; min-width: 11em; } .plumbline .short { white-space: nowrap; } .plumbline a[href] { color: var(--link); }
.plumbline .quiet { color: var(--quiet); font-weight: 400; } .plumbline .verdict { font-weight: 700; color: var(--quiet); white-space: nowrap; }
.plumbline .drifted { color: var(--bad); } .plumbline .in-sync { color: var(--good); }
.plumbline .unknown, .plumbline .stale, .plumbline .never { color: var(--odd); }
.plumbline .bar { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; margin: 0 0 6px; }
.plumbline .bar form { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; margin: 0; }
.plumbline select { background: var(--paper); color: var(--ink); border: 1px solid var(--quiet); border-radius: 3px; padding: 2px; }
.plumbline a.btn { white-space: nowrap; cursor: pointer; }
`;
