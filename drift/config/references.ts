import type { Mistake } from './mistake.ts';

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const keysOf = (file: unknown, key: string): readonly string[] =>
  isMap(file) && isMap(file[key]) ? Object.keys(file[key]) : [];

/**
 * Names that a target uses and the file does not define. It looks at the file as it was written, so that these mistakes
 * are told together with all others, and not one round later.
 */
export function missingReferences(file: unknown): readonly Mistake[] {
  const [sources, environments] = [keysOf(file, 'sources'), keysOf(file, 'environments')];
  const targets = isMap(file) && isMap(file['targets']) ? Object.entries(file['targets']) : [];
  return targets.flatMap(([name, target]) => {
    if (!isMap(target)) return [];
    const at = ['targets', name];
    const source = missing('source', target['source'], sources).map((message) => ({
      path: [...at, 'source'],
      message,
    }));
    const list: readonly unknown[] = Array.isArray(target['in']) ? target['in'] : [];
    const used = list.flatMap((environment, index) =>
      missing('environment', environment, environments).map((message) => ({ path: [...at, 'in', index], message })),
    );
    return [...source, ...used];
  });
}

/** A target as it is written down, whatever may be wrong with it. */
export interface WrittenTarget {
  /** `<environment>/<name>`. */
  readonly name: string;
  readonly hasObjects: boolean;
}

/** All targets that the file writes down, also those that something else is wrong with. */
export function writtenTargets(file: unknown): readonly WrittenTarget[] {
  const targets = isMap(file) && isMap(file['targets']) ? Object.entries(file['targets']) : [];
  return targets.flatMap(([name, target]) => {
    if (!isMap(target)) return [];
    const environments: readonly unknown[] = Array.isArray(target['in']) ? target['in'] : [];
    return environments.map((environment) => ({
      name: `${environment}/${name}`,
      hasObjects: target['kubernetes'] !== undefined,
    }));
  });
}

function missing(what: string, name: unknown, known: readonly string[]): readonly string[] {
  if (typeof name !== 'string' || known.includes(name)) return [];
  return [
    `there is no ${what} "${name}"; ${known.length === 0 ? `define it under ${what}s` : `known: ${known.join(', ')}`}`,
  ];
}
