import { createHash } from 'node:crypto';
import type { Finding } from '../finding.ts';
import type { Note } from '../note.ts';
import type { OpenFinding, TargetState } from './state.ts';

/** From so many flips on a difference is perpetual: it comes back whatever is applied. */
const PERPETUAL_FLIPS = 2;

/** Of what is shown as declared, which is redacted. */
export function declaredHashOf({ declared = '' }: Finding): string {
  return createHash('sha256').update(declared).digest('hex').slice(0, 32);
}

/**
 * How often a finding's sides were others than at the look before. A declared side may move with its commit; that is no
 * flip.
 */
export function flipsOf(finding: Finding, known: OpenFinding | undefined, sameCommit: boolean): number {
  if (known === undefined) return 0;
  const live = finding.valueHash !== null && known.valueHash !== null && finding.valueHash !== known.valueHash;
  const declared = sameCommit && known.declaredHash !== null && declaredHashOf(finding) !== known.declaredHash;
  return known.flips + (live || declared ? 1 : 0);
}

/** Says of findings that differ anew each time that no apply will end them. */
export function perpetualNotes(
  findings: readonly Finding[],
  state: TargetState | null,
  commit: string | null,
): readonly Note[] {
  const known = new Map((state?.findings ?? []).map((finding) => [finding.fingerprint, finding]));
  const sameCommit = state?.last?.commit === commit;
  return findings.flatMap((finding) => {
    const flips = flipsOf(finding, known.get(finding.fingerprint), sameCommit);
    if (flips < PERPETUAL_FLIPS) return [];
    const { subject, path } = finding;
    const text = `differs anew each time (${flips} times until now), whatever is applied: give it the same value each time, or ignore the path`;
    return [{ kind: 'perpetual', subject, ...(path === undefined ? {} : { path }), text }];
  });
}
