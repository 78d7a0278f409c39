import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type JudgeContext, judgeTerraform, type TerraformEvidence } from '#drift/terraform/judge.ts';

export const LAB = path.resolve(import.meta.dirname, '../../fixtures/terraform/lab');
export interface Expected {
  readonly cls: 'clean' | 'drift' | 'pending' | 'both' | 'error';
  readonly changes: Readonly<Record<string, string>> | null;
  readonly drift: Readonly<Record<string, { readonly kind: string; readonly paths: readonly string[] }>> | null;
  readonly sub: readonly string[];
}
export const expected: Readonly<Record<string, Expected>> = JSON.parse(
  readFileSync(path.join(LAB, 'expected.json'), 'utf8'),
);
export const context: JudgeContext = { target: 'lab/case', severity: 'warning', minCoverage: 1, fingerprintKey: 'key' };
export const PLANTED = [
  'hunter2-OLD-SECRET',
  'hunter2-NEW-SECRET',
  'SECRET-pw-1',
  'SETTING-secret-v1',
  'SECRET-pw-DRIFTED',
  'SETTING-secret-DRIFTED',
];

export const file = (name: string): Buffer | null =>
  existsSync(path.join(LAB, name)) ? readFileSync(path.join(LAB, name)) : null;
export const evidence = (name: string): TerraformEvidence => ({
  plan: file(`${name}/plan.json`),
  exitCode: Number(file(`${name}/exitcode`)?.toString()),
  planWithoutRefresh: file(`${name}-refresh-false/plan.json`),
  // The cases of second plans say what such a plan finds by itself; its events would tell that it did not look.
  events: name.endsWith('-refresh-false') ? null : (file(`${name}/ui.ndjson`)?.toString() ?? null),
});
export const judge = (name: string, over: Partial<TerraformEvidence> = {}) =>
  judgeTerraform({ ...evidence(name), ...over }, context);
export const names = Object.keys(expected);
