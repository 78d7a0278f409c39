import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Delivery, deliveryId, type Host, hostOf } from '#drift/webhook/delivery.ts';
import { provenBy } from '#drift/webhook/proof.ts';

const NOW = 1_790_000_000;
const SECRET = { name: 'infra', value: "It's a Secret to Everybody" };
const OTHER = { name: 'apps', value: 'another source has another one' };
const SECRETS = [SECRET, OTHER];
const BODY = Buffer.from('{"ref":"refs/heads/main"}');

const hmac = (secret: string, body: Buffer | string = BODY, algorithm = 'sha256'): string =>
  createHmac(algorithm, secret).update(body).digest('hex');
const delivery = (headers: Delivery['headers'], body = BODY): Delivery => ({ headers, body });
const by = (host: Host, headers: Delivery['headers'], body = BODY, secrets = SECRETS): readonly string[] =>
  provenBy(delivery(headers, body), host, secrets, NOW);

describe.each([
  ['github', 'x-hub-signature-256'],
  ['bitbucket', 'x-hub-signature'],
] as const)('%s', (host, header) => {
  const signed = (value: string): readonly string[] => by(host, { [header]: value });
  const right = `sha256=${hmac(SECRET.value)}`;

  it('is proven by the secret that signed it, and by no other', () => {
    expect(signed(right)).toEqual(['infra']);
    expect(signed(`sha256=${hmac(OTHER.value)}`)).toEqual(['apps']);
  });

  it("GitHub's own example", () => {
    // https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
    const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
    expect(by(host, { [header]: signature }, Buffer.from('Hello, World!'))).toEqual(['infra']);
  });

  const forged: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['of other bytes', `sha256=${hmac(SECRET.value, '{}')}`],
    ['of another secret', `sha256=${hmac('guessed')}`],
    ['of the empty secret', `sha256=${hmac('')}`],
    ['cut', right.slice(0, -2)],
    ['cut to the name of the algorithm', 'sha256='],
    ['longer', `${right}00`],
    ['upper-case', `sha256=${hmac(SECRET.value).toUpperCase()}`],
    ['SHA-1', `sha1=${hmac(SECRET.value, BODY, 'sha1')}`],
    ['SHA-1 that calls itself SHA-256', `sha256=${hmac(SECRET.value, BODY, 'sha1')}`],
    ['a plain hash', `sha256=${createHash('sha256').update(BODY).digest('hex')}`],
    ['in base64', `sha256=${Buffer.from(hmac(SECRET.value), 'hex').toString('base64')}`],
    ['without its prefix', hmac(SECRET.value)],
    ['the header twice', `${right}, ${right}`],
    ['the header twice, one of them wrong', `${right}, sha256=${'0'.repeat(64)}`],
    ['with white space', ` ${right}`],
    ['with a line after it', `${right}\n`],
    ['the secret itself', SECRET.value],
  ];
  it.each(forged)('is not proven by a signature that is %s', (_what, value) => {
    expect(signed(value)).toEqual([]);
  });

  it('is not proven when its body was changed, by one byte at any place', () => {
    fc.assert(
      fc.property(fc.nat(BODY.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const body = Buffer.from(BODY);
        body[at] = (body[at] ?? 0) ^ change;
        expect(by(host, { [header]: right }, body)).toEqual([]);
      }),
    );
  });

  it('an empty secret proves nothing', () => {
    const empty = [{ name: 'infra', value: '' }];
    expect(by(host, { [header]: `sha256=${hmac('')}` }, BODY, empty)).toEqual([]);
  });

  it('old and new secret count while they are rotated', () => {
    const both = [SECRET, { name: 'infra', value: 'the one of before' }];
    expect(by(host, { [header]: `sha256=${hmac('the one of before')}` }, BODY, both)).toEqual(['infra']);
  });

  it("another host's header is none", () => {
    const foreign = header === 'x-hub-signature' ? 'x-hub-signature-256' : 'x-hub-signature';
    expect(by(host, { [foreign]: right })).toEqual([]);
    expect(by(host, { 'x-gitlab-token': SECRET.value })).toEqual([]);
  });
});

describe('gitlab', () => {
  const TOKEN = `whsec_${Buffer.from('a signing token of thirty-two by').toString('base64')}`;
  const secrets = [...SECRETS, { name: 'signed', value: TOKEN }];
  const sign = (id: string, time: string, body = BODY): string =>
    `v1,${createHmac('sha256', 'a signing token of thirty-two by').update(`${id}.${time}.`).update(body).digest('base64')}`;
  const signed = (id: string, time: string, signature: string, body = BODY): readonly string[] =>
    by('gitlab', { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature }, body, secrets);

  it('the classic token', () => {
    expect(by('gitlab', { 'x-gitlab-token': SECRET.value })).toEqual(['infra']);
    for (const token of [
      '',
      'guessed',
      `${SECRET.value} `,
      SECRET.value.toUpperCase(),
      `${SECRET.value}, ${SECRET.value}`,
    ])
      expect(by('gitlab', { 'x-gitlab-token': token })).toEqual([]);
    expect(by('gitlab', {})).toEqual([]);
    expect(by('gitlab', { 'x-gitlab-token': '' }, BODY, [{ name: 'infra', value: '' }])).toEqual([]);
  });

  it("the signing token, and the standard's own example", () => {
    expect(signed('msg_1', `${NOW}`, sign('msg_1', `${NOW}`))).toEqual(['signed']);
    // https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    const example = provenBy(
      delivery(
        {
          'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
          'webhook-timestamp': '1614265330',
          'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
        },
        Buffer.from('{"test": 2432232314}'),
      ),
      'gitlab',
      [{ name: 'example', value: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }],
      1614265330,
    );
    expect(example).toEqual(['example']);
  });

  it('several signatures, while the host changes its key', () => {
    expect(signed('msg_1', `${NOW}`, `v1,${'A'.repeat(43)}= ${sign('msg_1', `${NOW}`)}`)).toEqual(['signed']);
  });

  it.each([
    ['of another delivery', 'msg_2', `${NOW}`, sign('msg_1', `${NOW}`)],
    ['of another time', 'msg_1', `${NOW - 1}`, sign('msg_1', `${NOW}`)],
    ['that is old', 'msg_1', `${NOW - 301}`, sign('msg_1', `${NOW - 301}`)],
    ['from the future', 'msg_1', `${NOW + 301}`, sign('msg_1', `${NOW + 301}`)],
    ['without a time', 'msg_1', '', sign('msg_1', '')],
    ['without an id', '', `${NOW}`, sign('', `${NOW}`)],
    ['that is empty', 'msg_1', `${NOW}`, ''],
    ['of another version', 'msg_1', `${NOW}`, sign('msg_1', `${NOW}`).replace('v1,', 'v2,')],
    ['that is cut', 'msg_1', `${NOW}`, sign('msg_1', `${NOW}`).slice(0, -3)],
  ])('is not proven by a signature %s', (_what, id, time, signature) => {
    expect(signed(id, time, signature)).toEqual([]);
  });

  it('a wrong signature is not made good by a right token', () => {
    const headers = { 'webhook-signature': 'v1,wrong', 'x-gitlab-token': SECRET.value };
    expect(by('gitlab', headers)).toEqual([]);
  });
});

it('no header and no body that were made up prove anything, and none throws', () => {
  const header = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('sha256=', 'v1,', 'whsec_'));
  const names = [
    'x-hub-signature-256',
    'x-hub-signature',
    'x-gitlab-token',
    'webhook-signature',
    'webhook-id',
    'webhook-timestamp',
  ];
  const headers = fc.record(Object.fromEntries(names.map((name) => [name, header])), { requiredKeys: [] });
  fc.assert(
    fc.property(fc.constantFrom('github', 'gitlab', 'bitbucket'), headers, fc.uint8Array(), (host, made, body) => {
      expect(provenBy({ headers: made, body: Buffer.from(body) }, host, SECRETS, NOW)).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

describe('a delivery', () => {
  it.each([
    [{ 'x-github-event': 'push' }, 'github'],
    [{ 'x-gitlab-event': 'Push Hook' }, 'gitlab'],
    [{ 'x-event-key': 'repo:push' }, 'bitbucket'],
    [{}, null],
    [{ 'x-github-event': 'push', 'x-gitlab-event': 'Push Hook' }, null],
  ] as const)('%j is of %s', (headers, host) => {
    expect(hostOf(delivery(headers))).toBe(host);
  });

  it('has the id that it keeps when it is sent again, and none that could lead elsewhere', () => {
    const id = 'f2467dea-70d6-11e8-8955-3c83993e0aef';
    expect(deliveryId(delivery({ 'x-github-delivery': id }), 'github')).toBe(id);
    expect(deliveryId(delivery({ 'x-request-uuid': `{${id}}` }), 'bitbucket')).toBe(id);
    expect(deliveryId(delivery({ 'idempotency-key': id }), 'gitlab')).toBe(id);
    for (const hostile of ['', '../../state/prod', 'a b', 'x'.repeat(200), `${id}, ${id}`])
      expect(deliveryId(delivery({ 'x-github-delivery': hostile }), 'github')).toBeNull();
  });
});
