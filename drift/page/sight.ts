import { type ComponentChildren, h } from 'preact';
import type { Note } from '../note.ts';
import type { Report } from '../report.ts';
import { again } from './again.ts';
import { code, foreign, section } from './elements.ts';
import { factTable } from './facts.ts';

/** Entries of a list that are shown; the report has all of them. */
const MAX_ENTRIES = 2000;

/** How much was compared, and what was not. */
export function coverageSection({ coverage }: Report): ComponentChildren {
  const { compared, total, uncovered } = coverage;
  return section(
    'coverage',
    'Coverage',
    h('p', null, `${compared} of ${total} compared${uncovered.length === 0 ? '.' : ', and not these:'}`),
    entries(uncovered, (item) => [code(item.subject), ` ${item.kind}: ${foreign(item.reason)}`]),
  );
}

/** What is worth saying and is no finding. */
export function notesSection({ notes }: Report): ComponentChildren {
  if (notes.length === 0) return null;
  const about = (text: string | undefined) => (text === undefined ? null : [code(text), ' ']);
  const line = (note: Note) => [`${foreign(note.kind)}: `, about(note.subject), about(note.path), foreign(note.text)];
  return section('notes', `Notes: ${notes.length}`, entries(notes, line));
}

/** The tool, and how a person repeats what it did. */
export function againSection(report: Report): ComponentChildren {
  const { tool } = report;
  const { conditions, commands } = again(report);
  return section(
    'again',
    'Tool, and how to look again',
    factTable([
      [
        'Tool',
        tool === null ? 'did not run' : `${foreign(tool.name)} ${foreign(tool.version ?? 'of no known version')}`,
      ],
      ['Exit code', tool?.exitCode ?? 'none'],
    ]),
    conditions.map((text, index) => h('p', { key: index }, foreign(text))),
    h('pre', null, h('code', null, foreign(commands.join('\n')))),
  );
}

function entries<T>(items: readonly T[], line: (item: T) => ComponentChildren): ComponentChildren {
  if (items.length === 0) return null;
  const rest = items.length - MAX_ENTRIES;
  return h(
    'ul',
    null,
    items.slice(0, MAX_ENTRIES).map((item, index) => h('li', { key: index }, line(item))),
    rest > 0 && h('li', null, `and ${rest} more, in the report`),
  );
}
