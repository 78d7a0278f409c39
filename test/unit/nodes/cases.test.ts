import { describe, expect, it } from 'vitest';
import { CASES, differsFrom, expectedOf } from './expected.ts';
import { judgeText, recorded, VERSIONS } from './recorded.ts';

/** Ansible's own differences between versions (facts/ansible.md §10): unknown all the same, with another reason. */
const OTHER: Readonly<Record<string, readonly string[]>> = { '2.12.10': ['structure-async-command'] };
const ALL = VERSIONS.flatMap((version) => CASES.map((found) => ({ version, ...found })));

it('both ends of the supported versions are recorded', () => {
  expect(VERSIONS).toContain('2.12.10');
  expect(VERSIONS.length).toBeGreaterThan(1);
  expect(ALL.length).toBeGreaterThan(190);
});

describe.each(ALL)('$name on $version', ({ version, kind, name }) => {
  const { text, exitCode } = recorded(version, name);
  const expected = expectedOf(kind, name);
  const judgement = judgeText(text, exitCode);

  it('is judged as expected, node by node', () => {
    if (OTHER[version]?.includes(name) === true) return expect(judgement.verdict).toBe(expected.verdict);
    expect(differsFrom(expected, judgement)).toEqual([]);
    const verdicts = Object.entries(expected.nodes).map(([node, { verdict, coverage, unverified }]) => ({
      node,
      verdict,
      compared: coverage.compared,
      unverified,
    }));
    const found = judgement.nodes.map(({ node, verdict, compared, unverified }) => ({
      node,
      verdict,
      compared,
      unverified,
    }));
    expect(found.toSorted(byNode)).toEqual(verdicts.toSorted(byNode));
  });

  it('shows no secret, and gives every finding an identity of its own', () => {
    const shown = `${text}${JSON.stringify(judgement)}`;
    for (const secret of expected.mustNotContain) expect(shown).not.toContain(secret);
    const fingerprints = [...judgement.findings, ...judgement.unconfirmed].map(({ fingerprint }) => fingerprint);
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
  });

  it('is never in sync without the exit code where that tells something, or with one that says otherwise', () => {
    const without = judgeText(text).verdict;
    if (expected.verdict !== 'in-sync') expect(without).not.toBe('in-sync');
    for (const code of [1, 5, 137, 250]) expect(judgeText(text, code).verdict).toBe('unknown');
    if (expected.verdict === 'in-sync') expect(judgeText(text, 2).verdict).toBe('unknown');
  });
});

function byNode(a: { readonly node: string }, b: { readonly node: string }): number {
  return a.node < b.node ? -1 : 1;
}
