import type { Target } from './target.ts';

const REFERENCE = /\$\{output:([^{}]*)\}/g;

/** A value of a config that another target's output takes the place of: `${output:prod/network.pod_cidrs}`. */
export interface OutputReference {
  readonly text: string;
  /** `<environment>/<name>`; null when the text names none. */
  readonly target: string | null;
  readonly name: string;
}

/** The references in a text. */
export function outputReferences(text: string): readonly OutputReference[] {
  return Array.from(text.matchAll(REFERENCE), ([whole, inside = '']) => {
    const dot = inside.lastIndexOf('.');
    const name = inside.slice(dot + 1);
    const named = dot > 0 && /^[A-Za-z_][\w-]*$/.test(name) && /^[^/]+\/[^/]+$/.test(inside.slice(0, dot));
    return { text: whole, target: named ? inside.slice(0, dot) : null, name };
  });
}

/** A text, and where it stands in a value. */
interface TextWithin {
  readonly text: string;
  readonly path: readonly (string | number)[];
}

/** The texts in a value as JSON has it, at any depth. */
export function textsIn(value: unknown, path: TextWithin['path'] = []): readonly TextWithin[] {
  if (typeof value === 'string') return [{ text: value, path }];
  if (Array.isArray(value)) return value.flatMap((entry, index) => textsIn(entry, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) => textsIn(entry, [...path, key]));
}

/** The targets whose outputs stand in these values. */
export function usedTargets(vars: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  return new Set(textsIn(vars).flatMap(({ text }) => outputReferences(text).flatMap(({ target }) => target ?? [])));
}

/** The variables of a target in which outputs of others may stand. */
export function variablesOf(target: Target): Readonly<Record<string, unknown>> {
  switch (target.layer) {
    case 'terraform':
      return target.terraform.vars;
    case 'nodes':
      return target.nodes.extraVars;
    case 'kubernetes':
      return {};
  }
}

/** Another target's output is not known. The message is one sentence. */
export class OutputMissing extends Error {
  override readonly name = 'OutputMissing';
}

/**
 * A value with the outputs in place of its references: the output itself, of whichever type, where it is all there is,
 * else a text.
 * @param known JSON text of an output; null when it is not known
 * @throws OutputMissing
 */
export function withOutputs(text: string, known: (target: string, name: string) => string | null): unknown {
  const references = outputReferences(text);
  const outputOf = ({ target, name, text: whole }: OutputReference): unknown => {
    const json = target === null ? null : known(target, name);
    if (json === null) {
      throw new OutputMissing(
        `${whole} is not known yet: ${target ?? 'its target'} has to be checked by the service first`,
      );
    }
    return JSON.parse(json);
  };
  const [only] = references;
  if (only !== undefined && only.text === text) return outputOf(only);
  return references.reduce((whole, reference) => {
    const value = outputOf(reference);
    return whole.replace(reference.text, () => (typeof value === 'string' ? value : JSON.stringify(value)));
  }, text);
}

/** A value with the outputs in place of the references in its texts, at any depth. @throws OutputMissing */
export function withOutputsIn(value: unknown, known: (target: string, name: string) => string | null): unknown {
  if (typeof value === 'string') return withOutputs(value, known);
  if (Array.isArray(value)) return value.map((item) => withOutputsIn(item, known));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withOutputsIn(item, known)]));
}
