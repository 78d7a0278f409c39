import { type Change, type Finding, UNKNOWN_UNTIL_APPLY } from '../finding.ts';
import { fingerprint, valueHash } from '../fingerprint.ts';
import { SENSITIVE } from '../redact.ts';
import type { Severity } from '../target.ts';
import { type Attribution, changedPaths } from './attribution.ts';
import { ExactNumber } from './decode.ts';
import type { ResourceChange } from './plan.ts';
import { canonical, isEmpty, isObject, markAt, type Path, pathText, valueAt } from './values.ts';

/** The longest value that is shown, in characters. */
const MAX_VALUE_LENGTH = 1000;

/** What a finding needs to know beside the change itself. */
export interface FindingContext {
  readonly target: string;
  readonly severity: Severity;
  readonly fingerprintKey: string | null;
  readonly attribution: Attribution;
  readonly redact: (text: string) => string;
}

/** The findings of one planned change: one per attribute, or one for the whole resource. */
export function findingsOf(entry: ResourceChange, context: FindingContext): readonly Finding[] {
  const action = actionName(entry.change.actions);
  if (action === 'create') return [whole(entry, 'removed', action, context)];
  if (action === 'delete') return [whole(entry, 'added', action, context)];
  const paths = changedPaths(entry.change);
  const known = paths.filter((path) => !isConsequence(entry, path));
  const told = withoutTagCopies(known.length > 0 ? known : paths);
  if (action === 'forget' || told.length === 0) return [whole(entry, 'changed', action, context)];
  return told.map((path) => attribute(entry, path, action, context));
}

/** `[delete, create]` and `[create, delete]` are a replacement; with `forget` the old object is left alone. */
function actionName(actions: readonly string[]): string {
  if (actions.includes('forget')) return actions.includes('create') ? 'forget and create' : 'forget';
  return actions.length > 1 ? 'replace' : (actions[0] ?? 'unknown');
}

/** A value that is only unknown until something else has been applied, in a resource that has known differences too. */
function isConsequence(entry: ResourceChange, path: Path): boolean {
  return markAt(entry.change.after_unknown, path) === 'all' && !isReplacePath(entry, path);
}

function isReplacePath(entry: ResourceChange, path: Path): boolean {
  return (entry.change.replace_paths ?? []).some((replace) =>
    path.every((step, index) => String(replace[index]) === step),
  );
}

/** `tags_all` repeats `tags`; it speaks only where `tags` does not (default tags). */
function withoutTagCopies(paths: readonly Path[]): readonly Path[] {
  const tags = new Set(paths.flatMap(([first, ...rest]) => (first === 'tags' ? [JSON.stringify(rest)] : [])));
  return paths.filter(([first, ...rest]) => first !== 'tags_all' || !tags.has(JSON.stringify(rest)));
}

function whole(entry: ResourceChange, change: Change, action: string, context: FindingContext): Finding {
  return finding(entry, [], change, action, entry.change.before, {}, context);
}

function attribute(entry: ResourceChange, path: Path, action: string, context: FindingContext): Finding {
  const { change } = entry;
  const live = valueAt(change.before, path);
  const declared = valueAt(change.after, path);
  const unknown = markAt(change.after_unknown, path) !== 'none';
  const hidden = [change.before_sensitive, change.after_sensitive].some((mask) => markAt(mask, path) !== 'none');
  const shown = hidden
    ? { declared: SENSITIVE, live: SENSITIVE }
    : show(declared, live, unknown && isEmpty(declared), context.redact);
  return finding(entry, path, kindOf(declared, live, unknown), action, live, shown, context);
}

function finding(
  entry: ResourceChange,
  path: Path,
  change: Change,
  action: string,
  live: unknown,
  shown: { readonly declared?: string; readonly live?: string },
  context: FindingContext,
): Finding {
  const text = path.length > 0 ? pathText(path) : deposedText(entry);
  return {
    subject: context.redact(entry.subject),
    ...(text === undefined ? {} : { path: context.redact(text) }),
    change,
    action,
    ...(entry.reason === null ? {} : { actionReason: entry.reason }),
    ...shown,
    cause: context.attribution.cause(entry, path),
    fingerprint: fingerprint('terraform', context.target, entry.subject, text),
    valueHash: context.fingerprintKey === null ? null : valueHash(context.fingerprintKey, canonical(live)),
    firstSeen: null,
    severity: context.severity,
    acknowledged: null,
  };
}

/** An object that an apply has left behind beside the current one; what tells them apart. */
const deposedText = ({ deposed }: ResourceChange): string | undefined =>
  deposed === null ? undefined : `deposed ${deposed}`;

function kindOf(declared: unknown, live: unknown, unknown: boolean): Change {
  if (isEmpty(live)) return 'removed';
  return isEmpty(declared) && !unknown ? 'added' : 'changed';
}

/** Both sides as text; of lists the elements that the other side lacks, and how many they share. */
function show(declared: unknown, live: unknown, unknown: boolean, redact: (text: string) => string) {
  const side = (value: unknown, other: unknown): string | undefined =>
    isEmpty(value) ? undefined : bounded(redact(Array.isArray(value) ? displayList(value, other) : display(value)));
  const shownDeclared = unknown ? UNKNOWN_UNTIL_APPLY : side(declared, live);
  const shownLive = side(live, declared);
  return {
    ...(shownDeclared === undefined ? {} : { declared: shownDeclared }),
    ...(shownLive === undefined ? {} : { live: shownLive }),
  };
}

function displayList(own: readonly unknown[], other: unknown): string {
  const others = Array.isArray(other) ? other.map((item) => canonical(item)) : [];
  const rest = own.filter((item) => {
    const at = others.indexOf(canonical(item));
    if (at >= 0) others.splice(at, 1);
    return at < 0;
  });
  const shared = own.length - rest.length;
  if (shared === 0) return display(own);
  if (rest.length > 0) return `${display(rest)} and ${shared} that both sides have`;
  return Array.isArray(other) && other.length > shared ? `only the ${shared} that both sides have` : display(own);
}

/** Strings as they are, everything else as JSON without what is empty. */
function display(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(withoutEmpty(value));
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (value instanceof ExactNumber || !isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (isEmpty(item) ? [] : [[key, withoutEmpty(item)]])),
  );
}

function bounded(text: string): string {
  if (text.length <= MAX_VALUE_LENGTH) return text;
  return `${text.slice(0, MAX_VALUE_LENGTH)}… (cut, ${text.length} characters)`;
}
