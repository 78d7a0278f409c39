import * as z from 'zod';

const eventSchema = z.object({
  type: z.literal('diagnostic'),
  diagnostic: z.object({
    severity: z.string(),
    summary: z.string().default(''),
    detail: z.string().default(''),
    address: z.string().optional(),
    range: z.object({ filename: z.string(), start: z.object({ line: z.number() }) }).optional(),
  }),
});

const MAX_DETAIL = 300;

/** What the tool said is wrong: each error once, with its place and how often it was said. */
export interface Diagnostic {
  readonly summary: string;
  readonly detail: string;
  readonly place: string;
  readonly count: number;
}

/** The errors in the event stream of `plan -json`; lines that are cut or something else are passed over. */
export function errorDiagnostics(events: string): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  for (const line of events.split('\n')) {
    if (!line.includes('"diagnostic"')) continue;
    const parsed = eventSchema.safeParse(parseLine(line));
    if (!parsed.success || parsed.data.diagnostic.severity !== 'error') continue;
    const { summary, detail, address, range } = parsed.data.diagnostic;
    const place = range === undefined ? (address ?? '') : `${range.filename}:${range.start.line}`;
    const key = JSON.stringify([summary, place]);
    const known = found.get(key);
    found.set(key, { summary, detail: firstSentence(detail), place, count: (known?.count ?? 0) + 1 });
  }
  return [...found.values()];
}

/**
 * Whether the tool asked what runs, by the event stream of `plan -json`: null when the stream is missing or cut, so that
 * nobody can tell.
 */
export function looked(events: string): boolean | null {
  if (events.includes('"type":"refresh_start"')) return true;
  return events.includes('"type":"change_summary"') ? false : null;
}

/** One sentence for a person. */
export function diagnosticText(diagnostic: Diagnostic): string {
  const place = diagnostic.place === '' ? '' : ` (${diagnostic.place})`;
  const detail = diagnostic.detail === '' ? '' : `: ${diagnostic.detail}`;
  const often = diagnostic.count > 1 ? `, said ${diagnostic.count} times` : '';
  return `${firstSentence(diagnostic.summary)}${place}${detail}${often}`;
}

function firstSentence(detail: string): string {
  const line =
    detail
      .split(/\n\s*\n/)[0]
      ?.replace(/\s+/g, ' ')
      .trim() ?? '';
  return line.length > MAX_DETAIL ? `${line.slice(0, MAX_DETAIL)}…` : line;
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
