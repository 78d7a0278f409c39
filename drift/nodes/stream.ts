import { type Line, type LineOf, lineSchema } from './events.ts';

/** The longest line that is one of ours: what is said of a task is bounded; the hosts of a playbook may be thousands. */
const MAX_LINE_LENGTH = 8 * 1024 * 1024;
const NOT_ASCII = /[^\x20-\x7e]/;

/** What a run wrote, as far as it can be read. */
export interface Stream {
  readonly lines: readonly Line[];
  readonly begin: LineOf<'begin'> | null;
  readonly end: LineOf<'end'> | null;
  /** Why it is no complete record of a run: one sentence; null: it is one. */
  readonly problem: string | null;
}

/**
 * Reads a stream up to the first line that is not the one that has to follow. Only a stream that begins, ends and has
 * every number between is complete.
 */
export function readStream(text: string): Stream {
  const lines: Line[] = [];
  const order = new Order();
  const done = (problem: string | null): Stream => {
    const [first] = lines;
    const last = lines.at(-1);
    return {
      lines,
      begin: first?.event === 'begin' ? first : null,
      end: last?.event === 'end' ? last : null,
      problem,
    };
  };
  if (text === '') return done('ansible-playbook wrote no event: it did not start, or it could not read the playbook');
  for (let at = 0; at < text.length; ) {
    const stop = text.indexOf('\n', at);
    const number = lines.length + 1;
    if (stop < 0) return done(`line ${number} of the stream is cut`);
    if (stop - at > MAX_LINE_LENGTH) return done(`line ${number} of the stream is too long to be one of ours`);
    const line = readLine(text.slice(at, stop));
    if (line === null) return done(`line ${number} of the stream is not one of ours`);
    if (line.seq !== lines.length)
      return done(`line ${number} of the stream has the number ${line.seq}: lines are missing or twice there`);
    if (lines.at(-1)?.event === 'end') return done(`line ${number} of the stream comes after its end`);
    if (!order.allows(line)) return done(`line ${number} of the stream is out of place`);
    lines.push(line);
    at = stop + 1;
  }
  return done(lines.at(-1)?.event === 'end' ? null : withoutEnd(lines));
}

/** What has to come before a line: the playbook, then its play, then the start of its task; no item without its task. */
class Order {
  #begun: 'nothing' | 'stream' | 'playbook' | 'plan' = 'nothing';
  readonly #plays = new Set<number>();
  readonly #tasks = new Set<string>();
  readonly #open = new Set<string>();

  allows(line: Line): boolean {
    switch (line.event) {
      case 'begin':
        return this.#follows('nothing', 'stream');
      case 'playbook':
        return this.#follows('stream', 'playbook');
      case 'plan':
        return this.#follows('playbook', 'plan');
      case 'play':
        this.#plays.add(line.play);
        return this.#begun === 'plan';
      case 'start':
        this.#tasks.add(line.task.id);
        return this.#plays.has(line.play);
      case 'item':
        this.#open.add(JSON.stringify([line.host, line.id]));
        return this.#plays.has(line.play) && this.#tasks.has(line.id);
      case 'task':
        this.#open.delete(JSON.stringify([line.host, line.task.id]));
        return this.#plays.has(line.play) && this.#tasks.has(line.task.id);
      case 'end':
        return this.#begun !== 'nothing' && this.#open.size === 0;
      default:
        return this.#begun !== 'nothing';
    }
  }

  #follows(before: 'nothing' | 'stream' | 'playbook', after: 'stream' | 'playbook' | 'plan'): boolean {
    if (this.#begun !== before) return false;
    this.#begun = after;
    return true;
  }
}

function readLine(text: string): Line | null {
  if (NOT_ASCII.test(text)) return null;
  try {
    return lineSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Where the run broke off: in what was started and has no result. */
function withoutEnd(lines: readonly Line[]): string {
  const begun = lines.findLast((line) => line.event === 'start');
  const where =
    begun?.event === 'start' ? ` in or after "${begun.task.name}" (${begun.task.path})` : ' before any task';
  return `the run broke off${where}: the stream has no end line`;
}
