import { CAUSES, type Cause } from '../cause.ts';
import type { Finding } from '../finding.ts';

/** What somebody changed by hand comes first; what is only waiting for an apply comes last. */
export const CAUSE_ORDER = ['out-of-band', 'both', 'unclear', 'pending'] as const satisfies readonly Cause[];

/** The order in which people read findings: what is not acknowledged by cause, then what is; in each, by subject. */
export function inReadingOrder(findings: readonly Finding[]): readonly Finding[] {
  const rank = ({ cause, acknowledged }: Finding): number =>
    CAUSE_ORDER.indexOf(cause) + (acknowledged === null ? 0 : CAUSES.length);
  return bySubject(
    findings.toSorted((a, b) => rank(a) - rank(b)),
    rank,
  ).flat();
}

/** Findings of one subject together, in the order in which the subjects come; with a key, only within the same key. */
export function bySubject(
  findings: readonly Finding[],
  key: (finding: Finding) => number = () => 0,
): readonly (readonly Finding[])[] {
  const groups = Map.groupBy(findings, (finding) => `${key(finding)} ${finding.subject}`);
  return [...groups.values()];
}

/** How many findings have each cause, and of those how many each action; causes in reading order. */
export function countFindings(findings: readonly Finding[]): readonly CauseCount[] {
  return CAUSE_ORDER.flatMap((cause) => {
    const found = findings.filter((finding) => finding.cause === cause);
    if (found.length === 0) return [];
    const actions = [...Map.groupBy(found, actionOf)].map(([action, list]) => ({ action, count: list.length }));
    const acknowledged = found.filter((finding) => finding.acknowledged !== null).length;
    return [{ cause, count: found.length, acknowledged, actions: actions.toSorted((a, b) => b.count - a.count) }];
  });
}

export interface CauseCount {
  readonly cause: Cause;
  readonly count: number;
  readonly acknowledged: number;
  /** The most frequent first. */
  readonly actions: readonly { readonly action: string; readonly count: number }[];
}

/** What would be done; where the layer has no word for it, what is different. */
export const actionOf = ({ action, change }: Finding): string => action ?? change;

/** Who wrote what is live, and when; null where the layer does not know. */
export function writerText({ writer }: Finding): string | null {
  if (writer === undefined) return null;
  return writer.time === null ? `by ${writer.manager}` : `by ${writer.manager}, last at ${writer.time}`;
}
