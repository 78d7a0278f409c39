import type { Finding } from '../finding.ts';
import { fingerprint, valueHash } from '../fingerprint.ts';
import { createRedactor, SENSITIVE } from '../redact.ts';
import type { Severity } from '../target.ts';
import type { Difference } from './compare/difference.ts';
import type { Json } from './json.ts';
import { identityText, type Path, pathText } from './path.ts';
import { isSecretPlace, masked } from './secrets.ts';

/** The longest value that is shown, in characters. */
const MAX_VALUE_LENGTH = 1000;

/** What a finding needs to know beside the difference itself. */
export interface FindingContext {
  readonly target: string;
  readonly severity: Severity;
  readonly fingerprintKey: string | null;
  readonly redact: (text: string) => string;
}

/** What an apply (with pruning) would do to a whole object. */
const WHOLE = { added: 'delete', removed: 'create', changed: 'update' } as const;

/** A finding of an object; `isSecret`: none of its values may be seen. */
export function findingOf(
  subject: string,
  difference: Omit<Difference, 'path'> & { readonly path?: Path },
  isSecret: boolean,
  context: FindingContext,
): Finding {
  const { path = null, change, declared, live, cause, writer } = difference;
  const hidden = isSecretPlace(path, isSecret);
  const side = (value: Json | undefined): string | undefined => {
    if (value === undefined || path === null) return undefined;
    return hidden ? SENSITIVE : bounded(context.redact(display(masked(value))));
  };
  const shown = { declared: side(declared), live: side(live) };
  return {
    subject,
    ...(path === null ? {} : { path: pathText(path) }),
    change,
    action: path === null ? WHOLE[change] : 'update',
    ...(shown.declared === undefined ? {} : { declared: shown.declared }),
    ...(shown.live === undefined ? {} : { live: shown.live }),
    cause,
    ...(writer === null ? {} : { writer: { manager: writer.manager, time: writer.time } }),
    fingerprint: fingerprint('kubernetes', context.target, subject, path === null ? undefined : identityText(path)),
    valueHash: context.fingerprintKey === null ? null : valueHash(context.fingerprintKey, jsonText(live ?? null)),
    firstSeen: null,
    severity: context.severity,
    acknowledged: null,
  };
}

/** Texts as they are, everything else as JSON with all its digits. */
const display = (value: Json): string => (typeof value === 'string' ? value : jsonText(value));

const BIG = /"\uE000(-?\d+)\uE000"/g;

function jsonText(value: Json): string {
  const text = JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? `\uE000${item}\uE000` : item));
  return text.includes('\uE000') ? text.replace(BIG, '$1') : text;
}

function bounded(text: string): string {
  if (text.length <= MAX_VALUE_LENGTH) return text;
  return `${text.slice(0, MAX_VALUE_LENGTH)}… (cut, ${text.length} characters)`;
}

/** A redactor that is only made when there is something to show: it costs time with thousands of secrets. */
export function lazyRedactor(secrets: () => Iterable<string>): (text: string) => string {
  let redact: ((text: string) => string) | null = null;
  return (text) => {
    redact ??= createRedactor(secrets());
    return redact(text);
  };
}
