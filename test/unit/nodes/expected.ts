import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import type { Report } from '#drift/report.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../fixtures/ansible');

const expectedSchema = z
  .object({
    verdict: z.enum(['in-sync', 'drifted', 'unknown']),
    nodes: z.record(
      z.string(),
      z.object({
        verdict: z.enum(['in-sync', 'drifted', 'unknown']),
        coverage: z.object({ compared: z.number(), unverified: z.number() }),
        findings: z.array(
          z.object({ task: z.string(), item: z.string().optional(), path: z.string().optional(), change: z.string() }),
        ),
        unverified: z.array(z.string()),
        reason: z.string().optional(),
      }),
    ),
    mustNotContain: z.array(z.string()),
    exit: z.number(),
    needs: z.array(z.string()).default([]),
    checkModeWrites: z.boolean().default(false),
  })
  .readonly();
export type Expected = z.infer<typeof expectedSchema>;

/** `cases`: those of the project; `more`: our own. */
export const KINDS = ['cases', 'more'] as const;
export type Kind = (typeof KINDS)[number];
export const CASES = KINDS.flatMap((kind) => readdirSync(path.join(FIXTURES, kind)).map((name) => ({ kind, name })));

export const expectedOf = (kind: Kind, name: string): Expected =>
  expectedSchema.parse(JSON.parse(readFileSync(path.join(FIXTURES, kind, name, 'expected.json'), 'utf8')));

/** The cases say what Ansible would do; the report is seen from the declared side (DESIGN §5). */
const CHANGES: Readonly<Record<string, string>> = { added: 'removed', removed: 'added', changed: 'changed' };
/** The words of the cases for why a node is unknown, as they begin the reasons. */
const REASONS: Readonly<Record<string, string>> = {
  'cut-short': 'cut short',
  'nothing-compared': 'nothing was compared',
};

type Judged = Pick<Report, 'verdict' | 'findings' | 'unconfirmed' | 'coverage'>;

/** What a report says of each node, as the case has to say it; `differs` names what is not as expected. */
export function differsFrom(expected: Expected, judged: Judged): readonly string[] {
  const wrong = (what: string, found: unknown, wanted: unknown): readonly string[] => {
    const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
    return left === right ? [] : [`${what}: ${left} instead of ${right}`];
  };
  const nodes = Object.entries(expected.nodes);
  const compared = nodes.reduce((sum, [, { coverage }]) => sum + coverage.compared, 0);
  const all = [...judged.findings, ...judged.unconfirmed];
  const known = all.filter(({ subject }) => nodes.some(([node]) => subject.startsWith(`${node}: `)));
  return [
    ...wrong('verdict', judged.verdict, expected.verdict),
    ...wrong('compared', judged.coverage.compared, compared),
    ...wrong('findings of other nodes', all.length - known.length, 0),
    ...nodes.flatMap(([node, wanted]) => {
      const found = all.filter(({ subject }) => subject.startsWith(`${node}: `));
      const lacking = wanted.findings.filter(
        ({ task, item = '', path: suffix = '', change }) =>
          !found.some(
            (finding) =>
              finding.subject === `${node}: ${task}` &&
              finding.change === CHANGES[change] &&
              (finding.path ?? '').includes(item) &&
              (finding.path ?? '').endsWith(suffix),
          ),
      );
      const blind = judged.coverage.uncovered.filter(({ kind }) => kind === 'unverifiable');
      const unverified = blind.flatMap(({ subject }) =>
        subject.startsWith(`${node}: `) ? [subject.slice(node.length + 2)] : [],
      );
      const reason = judged.coverage.uncovered.find(({ subject }) => subject === node)?.reason ?? '';
      const keyword = wanted.reason === 'coverage' ? '' : (wanted.reason ?? '');
      const isSaid = keyword === '' ? reason === '' : reason.startsWith(REASONS[keyword] ?? keyword);
      return [
        ...wrong(`${node}: findings`, found.length, wanted.findings.length),
        ...wrong(`${node}: findings that lack`, lacking, []),
        ...wrong(`${node}: unverified`, unverified.toSorted(), wanted.unverified.toSorted()),
        ...(isSaid ? [] : [`${node}: reason: ${JSON.stringify(reason)} instead of ${keyword}`]),
      ];
    }),
  ];
}
