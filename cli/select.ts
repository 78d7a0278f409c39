import { distance } from 'fastest-levenshtein';
import { UsageError } from './terminal.ts';

const MAX_NEAR = 5;

interface Named {
  readonly name: string;
}

/** The targets that names and patterns mean, in the config's order; none: all. @throws UsageError for a name that fits nothing */
export function selectTargets<T extends Named>(targets: readonly T[], wanted: readonly string[]): readonly T[] {
  if (targets.length === 0) throw new UsageError('the config has no targets: there is nothing to check');
  const patterns = wanted.map((text) => ({ text, pattern: toPattern(text) }));
  const unknown = patterns.filter(({ pattern }) => !targets.some(({ name }) => pattern.test(name)));
  if (unknown.length > 0) {
    throw new UsageError(unknown.map(({ text }) => `there is no target ${text}; ${near(text, targets)}`).join('\n'));
  }
  if (patterns.length === 0) return targets;
  return targets.filter(({ name }) => patterns.some(({ pattern }) => pattern.test(name)));
}

/** Whether a text may mean several targets. */
export const isPattern = (text: string): boolean => /[*?]/.test(text);

function toPattern(text: string): RegExp {
  const escaped = text
    .replace(/[\\^$.+()[\]{}|]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${escaped}$`);
}

function near(text: string, targets: readonly Named[]): string {
  const names = targets
    .map(({ name }) => ({ name, far: distance(text, name) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, MAX_NEAR)
    .map(({ name }) => name);
  return `near are ${names.join(', ')}`;
}
