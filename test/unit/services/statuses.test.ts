import { describe, expect, it } from 'vitest';
import type { StatusRequest } from '#drift/statuses/request.ts';
import { HttpsStatuses } from '#services/git/statuses.ts';
import { StatusRefused } from '#services/ports.ts';

const REQUEST: StatusRequest = {
  url: 'https://api.github.com/repos/acme/infra/statuses/abc',
  headers: { Authorization: 'Bearer the-token' },
  body: '{}',
};
type Given = (() => Response) | Error;

/** A host that gives these answers, one after the other, the last one for ever. */
function host(...given: readonly [Given, ...Given[]]) {
  const calls: RequestInit[] = [];
  const fake = async (_url: unknown, init: RequestInit = {}): Promise<Response> => {
    const answer = given[Math.min(calls.length, given.length - 1)];
    calls.push(init);
    if (typeof answer === 'function') return answer();
    throw answer;
  };
  const statuses = new HttpsStatuses({ fetch: fake as typeof fetch, pauseMs: 1 });
  return { calls, send: () => statuses.send(REQUEST) };
}
const says =
  (status: number, message: unknown, headers: Record<string, string> = {}): Given =>
  () =>
    new Response(JSON.stringify({ message }), { status, headers });
const taken: Given = () => new Response('{}', { status: 201 });
const away = Object.assign(new TypeError('fetch failed'), { cause: new Error('ECONNREFUSED') });
const late = Object.assign(new Error('late'), { name: 'TimeoutError' });

describe('a status that is told to a git host', () => {
  it('is sent once, and to no other address', async () => {
    const { calls, send } = host(taken);
    await send();
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ method: 'POST', redirect: 'manual', headers: REQUEST.headers });
  });

  it.each([
    ['a server that is away', away],
    ['no answer in time', late],
    ['its bad minute', says(502, 'Bad gateway')],
    ['too many', says(429, 'Slow down')],
    ['too many, as GitHub says it', says(403, 'secondary rate limit', { 'retry-after': '60' })],
    ['none left, as GitHub says it', says(403, 'API rate limit', { 'x-ratelimit-remaining': '0' })],
  ])('is tried again for %s, and then left to be tried later', async (_what, answer) => {
    const passing = host(answer, taken);
    await passing.send();
    expect(passing.calls).toHaveLength(2);
    const staying = host(answer);
    const error = await staying.send().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(StatusRefused);
    expect(staying.calls).toHaveLength(3);
  });

  it.each([
    ['a wrong token', says(401, 'Bad credentials'), /answered 401: Bad credentials\. The token is wrong/],
    ['a token that may not', says(403, 'Resource not accessible'), /may not write commit statuses/],
    ['no such repository', says(404, 'Not Found'), /404/],
    ['what it cannot take', says(422, 'No commit found'), /No commit found\. Statuses of this repository/],
    [
      'another place',
      () => new Response(null, { status: 307, headers: { location: 'https://evil.example/' } }),
      /moved/,
    ],
    ['no JSON', () => new Response('<html>', { status: 401 }), /answered 401\. The token/],
    ['too much', () => new Response('x'.repeat(100_000), { status: 401 }), /answered 401\. The token/],
    ['an odd message', says(400, { name: ['x'] }), /answered 400\./],
  ])('is refused at once for %s', async (_what, answer, sentence) => {
    const { calls, send } = host(answer);
    const error = await send().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StatusRefused);
    expect(String(error)).toMatch(sentence);
    expect(calls).toHaveLength(1);
  });

  it('that GitLab has already is told', async () => {
    await host(says(400, 'Cannot transition status via :enqueue from :pending (Reason(s): Status cannot)')).send();
  });

  it('shows no credential, even if the host does', async () => {
    const { send } = host(says(401, 'wrong\nthe-token\u0007, Bearer the-token'));
    const error = await send().catch((caught: unknown) => caught);
    expect(String(error)).toContain('wrong …');
    expect(String(error)).not.toContain('the-token');
  });

  it('passes on what is a mistake of ours', async () => {
    const { calls, send } = host(new TypeError('Invalid URL'));
    await expect(send()).rejects.toThrow('Invalid URL');
    expect(calls).toHaveLength(1);
  });
});
