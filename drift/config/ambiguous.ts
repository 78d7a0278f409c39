import { isMap, isScalar, isSeq, parse, type Scalar } from 'yaml';
import { type ConfigError, errorAt, type Path, type Places } from './errors.ts';

/** YAML 1.1 has them for yes and no, but Ansible's reader does not. */
const PLAIN_LETTER = /^[yn]$/i;

/**
 * Values of `extraVars` that would mean something else in a file that Ansible reads itself, as YAML 1.1, or that reach it
 * in another form than they are written in: `0644`, `1.10`, `yes`, `12:30`. In quotes each is what it looks like.
 */
export function ambiguousValues(places: Places): readonly ConfigError[] {
  const targets = places.document.get('targets');
  if (!isMap(targets)) return [];
  return targets.items.flatMap(({ key }) => {
    const path = ['targets', isScalar(key) ? String(key.value) : '', 'nodes', 'extraVars'];
    return within(places.document.getIn(path, true), path).flatMap(({ scalar, at }) => {
      const message = whyAmbiguous(scalar);
      return message === null ? [] : [errorAt(places, at, message)];
    });
  });
}

function within(node: unknown, at: Path): readonly { readonly scalar: Scalar; readonly at: Path }[] {
  if (isScalar(node)) return [{ scalar: node, at }];
  if (isSeq(node)) return node.items.flatMap((item, index) => within(item, [...at, index]));
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key, value }) => within(value, [...at, isScalar(key) ? String(key.value) : '']));
}

function whyAmbiguous({ type, source, value }: Scalar): string | null {
  if (type !== 'PLAIN' || source === undefined) return null;
  const quoted = `write "${source}" in quotes`;
  if (typeof value === 'number') {
    // What has no such form is refused by the schema.
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) return null;
    const written = JSON.stringify(value);
    return written === source ? null : `would reach Ansible as ${written}: ${quoted}, or ${written}`;
  }
  if (typeof value !== 'string' || PLAIN_LETTER.test(source)) return null;
  const other: unknown = parse(source, { version: '1.1', logLevel: 'silent' });
  if (typeof other === 'string') return null;
  const meant = typeof other === 'boolean' ? `, or ${other}` : '';
  return `is a text here and none in a file of Ansible's: ${quoted}${meant}`;
}
