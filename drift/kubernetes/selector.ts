/** A label selector as `kubectl -l` takes it. */
export type Selector = readonly Requirement[];
interface Requirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | 'absent';
  readonly values: readonly string[];
}

/** A selector cannot be read; the message says which part. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}

const SETS = /^\s*(\S+)\s+(in|notin)\s*\(([^()]*)\)\s*$/;
const EQUALS = /^\s*([^\s!=]+)\s*(==|=|!=)\s*([^\s=!]*)\s*$/;
const EXISTS = /^\s*(!?)\s*([^\s!=,()]+)\s*$/;

/** @throws SelectorError */
export function parseSelector(text: string): Selector {
  return text
    .split(/,(?![^(]*\))/)
    .filter((part) => part.trim() !== '')
    .map(parseRequirement);
}

function parseRequirement(part: string): Requirement {
  const set = SETS.exec(part);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return { key: set[1] ?? '', operator: set[2] === 'in' ? 'in' : 'notin', values };
  }
  const equals = EQUALS.exec(part);
  if (equals !== null) {
    return { key: equals[1] ?? '', operator: equals[2] === '!=' ? 'notin' : 'in', values: [equals[3] ?? ''] };
  }
  const exists = EXISTS.exec(part);
  if (exists === null) throw new SelectorError(`"${part.trim()}" is no label selector: write key=value`);
  return { key: exists[2] ?? '', operator: exists[1] === '!' ? 'absent' : 'exists', values: [] };
}

/** Whether labels fit every requirement. An empty selector selects nothing here: an inventory of everything is a mistake. */
export function matchesSelector(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return selector.length > 0 && selector.every((requirement) => matches(requirement, labels));
}

function matches({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'in':
      return value !== undefined && values.includes(value);
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    default:
      return value === undefined;
  }
}
