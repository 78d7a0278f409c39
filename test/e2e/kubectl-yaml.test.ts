import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, parseJson } from '#drift/kubernetes/json.ts';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { findRenderer } from '#services/render/tools.ts';
import { BODIES, FILES, KEYS, VALUES } from './kubectl-yaml.ts';

/** kubectl itself says how a manifest is read: `label --local` needs no server, and prints what it understood. */
const folder = mkdtempSync(path.join(tmpdir(), 'plumbline-kubectl-yaml-'));
const HEAD = 'apiVersion: v1\nkind: X\nmetadata: {name: a}\n';
let kubectl = '';
let count = 0;

beforeAll(async () => {
  const cache = path.join(tmpdir(), 'plumbline-render-cache');
  kubectl = await findRenderer(['kubectl'], { path: '/nonexistent', cache });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Reading {
  readonly refused: boolean;
  readonly objects: readonly Json[];
}

async function byKubectl(texts: readonly string[]): Promise<Reading> {
  const files = texts.map((text) => {
    count += 1;
    const file = path.join(folder, `${count}.yaml`);
    writeFileSync(file, text);
    return ['-f', file];
  });
  const args = ['label', '--local', ...files.flat(), 'plumb=line', '-o', 'json'];
  const { stdout, failed, stderr } = await execa(kubectl, args, { reject: false, env: { KUBECONFIG: '/nonexistent' } });
  if (failed && !/error/i.test(stderr)) throw new Error(`kubectl did not run: ${stderr}`);
  const printed = stdout.split(/\n(?=\{$)/m).filter((part) => part.trim() !== '');
  return { refused: failed, objects: printed.map((part) => withoutLabel(parseJson(part))) };
}

function withoutLabel(object: Json): Json {
  const { metadata, ...rest } = object as Readonly<Record<string, Readonly<Record<string, Json>>>>;
  const { labels: _labels, ...others } = metadata ?? {};
  return { ...rest, metadata: others };
}

function byUs(text: string): Reading {
  const { objects, problems } = readManifests([{ file: 'a.yaml', text }]);
  return { refused: problems.length > 0, objects: objects.map(({ value }) => value) };
}

/** A zero is a zero. */
function unsigned(value: Json): Json {
  if (Array.isArray(value)) return value.map(unsigned);
  if (typeof value !== 'object' || value === null) return value === 0 ? 0 : value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unsigned(item)]));
}

/** Both read the same, or both refuse; what a file that is refused held before is not looked at. */
async function expectSame(text: string): Promise<void> {
  const [ours, theirs] = [byUs(text), await byKubectl([text])];
  expect(ours.refused, JSON.stringify(text)).toBe(theirs.refused);
  if (!theirs.refused) expect(ours.objects.map(unsigned), JSON.stringify(text)).toEqual(theirs.objects.map(unsigned));
}

/** The same of many: kubectl is asked once for all that we read, and for each alone only where the answer differs. */
async function expectAllSame(texts: readonly string[]): Promise<void> {
  const readable = texts.filter((text) => !byUs(text).refused);
  const theirs = await byKubectl(readable);
  const ours = readable.flatMap((text) => byUs(text).objects.map(unsigned));
  const isSame = !theirs.refused && isDeepStrictEqual(theirs.objects.map(unsigned), ours);
  for (const text of isSame ? texts.filter((text) => !readable.includes(text)) : texts) await expectSame(text);
  expect(isSame, 'all at once').toBe(true);
}

describe.each(chunks(VALUES, 20))('values: %s', (...values) => {
  it('are read alike', async () => {
    await expectAllSame(values.map((value) => `${HEAD}v: ${value}\n`));
  });
});

describe.each(chunks(KEYS, 20))('keys: %s', (...keys) => {
  it('are read alike', async () => {
    await expectAllSame(keys.map((key) => `${HEAD}v:\n  ${key}: z\n`));
  });
});

it.each(Object.entries(BODIES))('body: %s', (_name, body) => expectSame(`${HEAD}${body}`));
it.each(Object.entries(FILES))('file: %s', (_name, text) => expectSame(text));

/** Plain scalars that look like something, next to any text, in every style that a person writes. */
const scalar = fc.oneof(
  fc.stringMatching(/^[-+]?[0-9_.xXoObBeE:]{1,8}$/),
  fc.stringMatching(/^[a-zA-Z~.<=]{1,6}$/),
  fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
  fc.string({ maxLength: 12 }).map((text) => `'${text.replaceAll("'", "''")}'`),
  fc.constantFrom(...VALUES.filter((value) => !value.includes('\n'))),
);
const block = fc
  .tuple(
    fc.constantFrom('|', '>', '|-', '>-', '|+', '>+', '|2', '>2-'),
    fc.array(fc.constantFrom('', ' ', '  x', '   y', '  # z', '  a: b', '    w ', '  v\tu'), { maxLength: 6 }),
  )
  .map(([head, lines]) => `${head}\n${lines.map((line) => `${line}\n`).join('')}`);
/** In a flow goyaml takes a colon at the end of a word, and a bracket behind a tag, for a part of it. */
const word = scalar.filter((text) => !text.endsWith(':') && !/^!\S*$/.test(text));
const flow = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, word, tie('list'), tie('map')),
  list: fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
  map: fc
    .array(fc.tuple(fc.stringMatching(/^[a-z]{1,3}$/), tie('value')), { maxLength: 3 })
    .map((pairs) => `{${pairs.map(([key, value]) => `${key}: ${value}`).join(', ')}}`),
})).value;

it.each([
  ['scalars', scalar.map((text) => `v: ${text}\n`)],
  ['blocks', block.map((text) => `v: ${text}w: 1\n`)],
  ['flows', flow.map((text) => `v: ${text}\n`)],
])('generated %s are read alike', async (_name, bodies) => {
  await expectAllSame(fc.sample(bodies, { numRuns: 60, seed: 5 }).map((body) => `${HEAD}${body}`));
});

function chunks<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
