import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type JudgeContext, judgeTerraform } from '#drift/terraform/judge.ts';

const PUBLIC = path.resolve(import.meta.dirname, '../../fixtures/terraform/public');
const context: JudgeContext = { target: 'public/plan', severity: 'warning', minCoverage: 1, fingerprintKey: 'key' };
const files = readdirSync(PUBLIC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));

type Tree = unknown;
interface Change {
  readonly actions: readonly string[];
  readonly before?: Tree;
  readonly after?: Tree;
  readonly before_sensitive?: Tree;
  readonly after_sensitive?: Tree;
}
interface Entry {
  readonly mode?: string;
  readonly address?: string;
  readonly change: Change;
}
interface Plan {
  readonly format_version?: string;
  readonly resource_changes?: readonly Entry[];
  readonly resource_drift?: readonly Entry[];
  readonly output_changes?: Readonly<Record<string, Change>>;
}

/** Read with other means than the product's. */
function read(name: string): { bytes: Buffer; plan: Plan } {
  const bytes = readFileSync(path.join(PUBLIC, name));
  const wide = bytes.includes(0);
  const little = bytes[0] === 0xff || bytes[1] === 0;
  const text = wide ? new TextDecoder(little ? 'utf-16le' : 'utf-16be').decode(bytes) : bytes.toString('utf8');
  return { bytes, plan: JSON.parse(text.replace(/^\uFEFF/, '')) as Plan };
}

function marked(value: Tree, mask: Tree): readonly string[] {
  if (typeof value === 'string') return mask === true ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  if (mask !== true && (typeof mask !== 'object' || mask === null)) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    marked(item, mask === true ? true : (mask as Record<string, Tree>)[key]),
  );
}

function secretsOf(plan: Plan): readonly string[] {
  const changes = [...(plan.resource_changes ?? []), ...(plan.resource_drift ?? [])].map((entry) => entry.change);
  return [...changes, ...Object.values(plan.output_changes ?? {})]
    .flatMap((change) => [
      ...marked(change.before, change.before_sensitive),
      ...marked(change.after, change.after_sensitive),
    ])
    .filter((text) => text.length >= 6);
}

/** What a report says; its fixed words and hashes may hold a text by chance. */
const said = (judgement: ReturnType<typeof judgeTerraform>): string =>
  [
    judgement.reason,
    ...[...judgement.findings, ...judgement.unconfirmed].flatMap((one) => [
      one.subject,
      one.path,
      one.declared,
      one.live,
    ]),
    ...judgement.notes.flatMap((note) => [note.subject, note.path, note.text]),
    ...judgement.coverage.uncovered.flatMap((item) => [item.subject, item.reason]),
  ].join('\n');

describe('plans from public repositories', () => {
  it('are all there', () => expect(files.length).toBeGreaterThanOrEqual(234));

  it.each(files)('%s', (name) => {
    const { bytes, plan } = read(name);
    const judgement = judgeTerraform({ plan: bytes, exitCode: 2 }, context);
    const secrets = secretsOf(plan);
    for (const secret of secrets) expect(said(judgement)).not.toContain(secret);
    if (judgement.verdict === 'unknown') {
      expect(judgement.reason).not.toBe('');
      return;
    }
    const changed = (plan.resource_changes ?? []).filter(
      ({ mode, change }) => mode !== 'data' && !change.actions.every((action) => ['no-op', 'read'].includes(action)),
    );
    expect(judgement.verdict).toBe(changed.length > 0 ? 'drifted' : 'in-sync');
    const found = new Set(judgement.findings.map((finding) => finding.subject));
    if (secrets.length === 0 && changed.every((entry) => entry.address !== undefined))
      expect([...found].sort()).toEqual([...new Set(changed.map((entry) => entry.address))].sort());
  });

  it('are understood; with the exit code that fits, only those that do not speak of all they plan are unknown', () => {
    const unknown = files.filter((name) =>
      [0, 2].every((exitCode) => judgeTerraform({ plan: read(name).bytes, exitCode }, context).verdict === 'unknown'),
    );
    expect(unknown.sort()).toEqual([
      'infracost-hcl--providers-hcl_provider_test-populates_warnings_on_missing_vars-expected.json',
      'trivy--iac-tfjson-plan_no_resource_changes.json',
    ]);
  });
});
