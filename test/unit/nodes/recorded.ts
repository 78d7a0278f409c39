import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { judgeNodes, type NodesEvidence, type NodesJudgement } from '#drift/nodes/judge.ts';

const EVENTS = path.resolve(import.meta.dirname, '../../fixtures/ansible/events');

/** The versions of ansible-core whose streams are recorded. */
export const VERSIONS = readdirSync(EVENTS);

/** What our plugin wrote for a case, and how ansible-playbook ended. */
export function recorded(version: string, name: string): { readonly text: string; readonly exitCode: number } {
  const exits = z
    .record(z.string(), z.number())
    .parse(JSON.parse(readFileSync(path.join(EVENTS, version, 'exits.json'), 'utf8')));
  const text = readFileSync(path.join(EVENTS, version, `${name}.jsonl`), 'utf8');
  return { text, exitCode: exits[name] ?? -1 };
}

export const CONTEXT = { target: 'prod/nodes', severity: 'critical', minCoverage: 1, fingerprintKey: 'key' } as const;

export function judgeText(
  text: string,
  exitCode: number | null = null,
  more: Partial<NodesEvidence> = {},
): NodesJudgement {
  return judgeNodes({ streams: [{ name: 'events', node: null, text, exitCode }], ...more }, CONTEXT);
}
