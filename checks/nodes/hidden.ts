import type { Finding } from '#drift/finding.ts';
import type { NodesJudgement } from '#drift/nodes/judge.ts';
import { createRedactor } from '#drift/redact.ts';

type Told = Omit<NodesJudgement, 'nodes' | 'toolVersion'>;

/** Takes values that the plugin cannot know out of all that is free text in a judgement. */
export function hiddenIn(values: readonly string[]): (judgement: Told) => Told {
  const hide = createRedactor(values);
  const within = <T extends object>(of: T, ...keys: readonly (keyof T)[]): T => {
    const texts = keys.flatMap((key) => {
      const text = of[key];
      return typeof text === 'string' ? [[key, hide(text)] as const] : [];
    });
    return { ...of, ...Object.fromEntries(texts) };
  };
  const finding = (of: Finding): Finding => within(of, 'subject', 'path', 'declared', 'live');
  return (judgement) => ({
    ...within(judgement, 'reason'),
    coverage: {
      ...judgement.coverage,
      uncovered: judgement.coverage.uncovered.map((of) => within(of, 'subject', 'reason')),
    },
    findings: judgement.findings.map(finding),
    unconfirmed: judgement.unconfirmed.map(finding),
    notes: judgement.notes.map((of) => within(of, 'subject', 'path', 'text')),
  });
}
