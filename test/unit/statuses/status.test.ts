import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAUSES } from '#drift/cause.ts';
import { NoRepositoryAddress } from '#drift/git-host/api.ts';
import type { Report } from '#drift/report.ts';
import { statusRequest } from '#drift/statuses/request.ts';
import { type CommitStatus, statusOf } from '#drift/statuses/status.ts';
import { finding, report } from '../runs/world.ts';

const LINK =
  'https://eu-west-1.console.aws.amazon.com/s3/object/results?region=eu-west-1&prefix=state/prod/network.html';
const RUN = '20261124T030000000Z-0123456789abcdef';
const of = (over: Partial<Report>): CommitStatus => statusOf('prod/network', report(RUN, over), LINK);
const drifted = (...findings: Report['findings'][number][]): Partial<Report> => ({ verdict: 'drifted', findings });
const A_PERSON = { owner: 'alice@acme.example', reason: 'incident', until: '2026-12-01' };

describe('what a commit shows', () => {
  it('that it is looked at, before there is a verdict', () => {
    expect(statusOf('prod/network', null, LINK)).toEqual({
      ...{ state: 'pending', description: 'is being compared with what runs' },
      ...{ context: 'plumbline/prod/network', link: LINK },
    });
  });

  it.each([
    ['in sync', {}, 'in sync: 3 of 3 compared'],
    ['unknown', { verdict: 'unknown', reason: 'arn:aws:iam::1:role/x may not' }, /^unknown: .*report says why$/],
    ['one finding', drifted(finding('sg')), 'drifted: 1 finding, changed out of band'],
    [
      'what the commit explains',
      drifted(finding('sg', { cause: 'pending' }), finding('vpc', { cause: 'pending' })),
      'drifted: 2 findings, merged and not applied yet',
    ],
    [
      'several causes',
      drifted(finding('sg', { cause: 'pending' }), finding('vpc'), finding('eip')),
      'drifted: 3 findings, 1 merged and not applied yet, 2 changed out of band',
    ],
    ['more than are listed', { ...drifted(finding('sg')), unlisted: 9 }, 'drifted: 10 findings, 1 changed out of band'],
    [
      'a known one',
      drifted(finding('sg'), finding('vpc', { acknowledged: A_PERSON })),
      'drifted: 1 finding, changed out of band',
    ],
  ] as const)('%s', (_what, over, description) => {
    const shown = of(over as Partial<Report>);
    expect(shown.state).toBe((over as Partial<Report>).verdict ?? 'in-sync');
    expect(shown.description).toEqual(
      typeof description === 'string' ? description : expect.stringMatching(description),
    );
  });

  it('never more than GitHub takes, nor anything that was found', () => {
    const findings = fc.array(fc.record({ cause: fc.constantFrom(...CAUSES), subject: fc.string() }));
    fc.assert(
      fc.property(
        findings,
        fc.nat(1e9),
        fc.constantFrom('drifted', 'unknown', 'in-sync'),
        (made, unlisted, verdict) => {
          const found = made.map(({ cause, subject }) => finding(`SUBJECT ${subject}`, { cause }));
          const { description } = of({ verdict, findings: found, unlisted, reason: 'SUBJECT'.repeat(100) });
          expect(description.length).toBeLessThanOrEqual(140);
          expect(description).not.toContain('SUBJECT');
        },
      ),
    );
  });
});

const COMMIT = 'b'.repeat(40);
const request = (host: Parameters<typeof statusRequest>[0], url: string, shown = of({})) => {
  const { body, ...rest } = statusRequest(host, url, COMMIT, shown, 'the-token');
  return { ...rest, body: JSON.parse(body) as Record<string, unknown> };
};

describe('how a host is told', () => {
  it.each([
    ['github', 'https://github.com/acme/infra.git', 'https://api.github.com/repos/acme/infra/statuses/'],
    ['github', 'https://acme.ghe.com/acme/infra', 'https://api.acme.ghe.com/repos/acme/infra/statuses/'],
    [
      'github',
      'https://git.acme.example:8443/acme/infra/',
      'https://git.acme.example:8443/api/v3/repos/acme/infra/statuses/',
    ],
    ['gitlab', 'https://gitlab.com/acme/infra.git', 'https://gitlab.com/api/v4/projects/acme%2Finfra/statuses/'],
    ['gitlab', 'https://git.acme.example/a/b/c.git', 'https://git.acme.example/api/v4/projects/a%2Fb%2Fc/statuses/'],
    [
      'bitbucket',
      'https://bitbucket.org/acme/infra.git',
      'https://api.bitbucket.org/2.0/repositories/acme/infra/commit/',
    ],
    ['github', 'https://github.com/acme/a%20b%3Fc', 'https://api.github.com/repos/acme/a%20b%3Fc/statuses/'],
  ] as const)('%s, %s', (host, url, address) => {
    const sent = request(host, url);
    expect(sent.url.startsWith(`${address}${COMMIT}`)).toBe(true);
    expect(sent.url).not.toContain('the-token');
    expect(JSON.stringify(sent.body)).not.toContain('the-token');
    expect(Object.values(sent.headers).filter((value) => value.includes('the-token'))).toHaveLength(1);
  });

  it.each([
    ['github', { pending: 'pending', 'in-sync': 'success', drifted: 'failure', unknown: 'error' }],
    ['gitlab', { pending: 'pending', 'in-sync': 'success', drifted: 'failed', unknown: 'failed' }],
    ['bitbucket', { pending: 'INPROGRESS', 'in-sync': 'SUCCESSFUL', drifted: 'FAILED', unknown: 'FAILED' }],
  ] as const)('%s has a word for each', (host, words) => {
    for (const [state, word] of Object.entries(words)) {
      const shown = { ...of({}), state: state as CommitStatus['state'] };
      expect(request(host, 'https://git.example/acme/infra', shown).body).toMatchObject({ state: word });
    }
  });

  it('each by its own names, with the link', () => {
    const url = 'https://git.example/acme/infra';
    const description = 'in sync: 3 of 3 compared';
    expect(request('github', url).body).toEqual({
      ...{ state: 'success', description, context: 'plumbline/prod/network', target_url: LINK },
    });
    expect(request('gitlab', url).body).toEqual({
      ...{ state: 'success', description, name: 'plumbline/prod/network', target_url: LINK },
    });
    expect(request('bitbucket', url).body).toMatchObject({
      ...{ state: 'SUCCESSFUL', description, key: 'plumbline/prod/network', url: LINK },
    });
  });

  it('within the limits of each', () => {
    const long = {
      ...of({}),
      context: `plumbline/prod/${'x'.repeat(40)}`,
      link: `https://x.example/${'y'.repeat(250)}`,
    };
    expect(String(request('bitbucket', 'https://bitbucket.org/a/b', long).body['key'])).toHaveLength(40);
    expect(request('gitlab', 'https://gitlab.com/a/b', long).body).not.toHaveProperty('target_url');
  });

  it('a repository that cannot be one of it is said to be none', () => {
    for (const url of ['https://github.com/acme', 'https://github.com/a/b/c', 'https://github.com/'])
      expect(() => request('github', url)).toThrow(NoRepositoryAddress);
  });
});
