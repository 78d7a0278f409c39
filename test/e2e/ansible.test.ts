import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportSchema } from '#drift/report.ts';
import { CASES, differsFrom, type Expected, expectedOf, type Kind } from '#test/unit/nodes/expected.ts';
import { CORES, installCollections, installCore } from './ansible/install.ts';
import { type Checked, callOf, checkCase, type Laid, lay, listing, shellOf, WarmAnsible } from './ansible/run.ts';
import { plumbline } from './command.ts';

/** Writes the streams down as fixtures of the unit tests: every case, on both cores. */
const IS_RECORDING = process.env['RECORD_EVENTS'] === '1';
/**
 * Every case takes four minutes of two cores (`npm run test:cases`). Else those that show most of the plugin, and one of
 * every other theme but of those that differ in Ansible's own modules alone; the unit tests judge the recorded streams
 * of all.
 */
const IS_WHOLE = IS_RECORDING || process.env['ALL_CASES'] === '1';
const ALWAYS =
  /^(secret-(private|loop|in-names|that)|encoding|green-(when|ignore)|structure-(delegate|include)|fatal|serial-in)/;
const MODULES_ALONE =
  /^(cert|cron|directory|docker|file|fstab|line|ntp|packages|staticpod|symlink|sysctl|systemd|users)-/;
const RECORDED = path.resolve(import.meta.dirname, '../fixtures/ansible/events');
/** What differs most between versions; the others are judged on the oldest from recorded streams (unit tests). */
const ON_OLDEST = IS_WHOLE
  ? /^(green|structure|vault|no-log|handlers|guards|serial|run-once|fatal|includes)/
  : /^(green-ignore|structure-async|vault|handlers|guards|fatal|includes)/;
/** Ansible 2.12 and 2.14 refuse async in check mode: unknown all the same, with another reason. */
const OTHER_ON_OLDEST = new Set(['structure-async-command']);
/** Run once more, by the command itself. */
const AGAIN = [
  'hosts-one-of-two-drifted',
  'mode-too-open',
  'secret-private-key-diff',
  'structure-two-plays-two-groups',
  'writes-copy-with-check-mode-false',
];
const EXIT_CODES = { 'in-sync': 0, drifted: 2, unknown: 1 } as const;
/** What every run has for itself. */
const ITS_OWN = { runId: '', startedAt: '', endedAt: '' };
const TOOLS: Readonly<Record<string, string>> = {
  ssh: 'ssh',
  openssl: 'openssl',
  tar: 'tar',
  ps: 'ps',
  sysctl: 'sysctl',
  git: 'git',
  unzip: 'unzip',
};

interface Ran extends Checked {
  readonly laid: Laid;
  readonly isUntouched: boolean;
  /** What the plugin wrote; empty: nothing. */
  readonly events: string;
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'plumbline-ansible-'));
const runs = new Map<string, Ran>();
let bins: { readonly newest: string; readonly oldest: string | null };
let collections: string;
let newest: string;

const isHere = (tool: string): boolean => {
  const folders = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`.split(':');
  return folders.some((entry) => existsSync(path.join(entry, tool)));
};
const lacking = ({ needs }: Expected): readonly string[] =>
  needs.filter((need) => TOOLS[need] !== undefined && !isHere(TOOLS[need]));

async function runCase(core: string, kind: Kind, name: string, bin: string): Promise<void> {
  const laid = await lay(kind, name, path.join(folder, core));
  const before = await listing(laid.root);
  const own = await listing(path.join(laid.folder, 'case'));
  const checked = await checkCase(laid, shellOf(laid, bin, collections));
  const isUntouched = isDeepStrictEqual(before, await listing(laid.root));
  expect(await listing(path.join(laid.folder, 'case'))).toEqual(own);
  const events = path.join(laid.folder, 'events');
  runs.set(`${core} ${name}`, {
    ...{ laid, isUntouched, ...checked },
    events: existsSync(events) ? readFileSync(events, 'utf8') : '',
  });
}

/** All cases of a core, some at a time. */
async function runAll(
  core: string,
  bin: string,
  width: number,
  wanted: readonly (typeof CASES)[number][],
): Promise<void> {
  const left = [...wanted];
  const ansible = await WarmAnsible.start(bin, path.join(folder, `warm-${core}`), collections);
  const one = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      await runCase(core, next.kind, next.name, ansible.bin);
    }
  };
  await Promise.all(Array.from({ length: width }, one)).finally(() => ansible.stop());
}

async function record(core: string, version: string): Promise<void> {
  const below = path.join(RECORDED, version);
  await rm(below, { recursive: true, force: true });
  await mkdir(below, { recursive: true });
  const exits: Record<string, number> = {};
  for (const [key, { laid, report, events }] of [...runs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!key.startsWith(`${core} `)) continue;
    exits[laid.name] = report.tool?.exitCode ?? 0;
    const plain = events.replaceAll(laid.root, '$ROOT').replaceAll(path.join(laid.folder, 'case'), '$CASE');
    await writeFile(path.join(below, `${laid.name}.jsonl`), plain);
  }
  await writeFile(path.join(below, 'exits.json'), `${JSON.stringify(exits, null, 1)}\n`);
}

const possible = CASES.filter(({ kind, name }) => lacking(expectedOf(kind, name)).length === 0);
const themeOf = (name: string): string => name.split('-')[0] ?? '';
const chosen = possible.filter(
  ({ name }, index) =>
    IS_WHOLE ||
    ALWAYS.test(name) ||
    [...AGAIN, 'looks-only'].includes(name) ||
    (possible.findIndex((other) => themeOf(other.name) === themeOf(name)) === index && !MODULES_ALONE.test(name)),
);
const onOldest = (IS_WHOLE ? possible : chosen).filter(({ name }) => IS_RECORDING || ON_OLDEST.test(name));

beforeAll(async () => {
  const [first, oldest, folderOfCollections] = await Promise.all([
    installCore(CORES.newest),
    installCore(CORES.oldest),
    installCollections(),
  ]);
  const bin = first ?? (await installCore(CORES.middle));
  if (bin === null)
    throw new Error('no Python from 3.11 on with its venv module is here: apt-get install python3-venv');
  newest = first === null ? CORES.middle.version : CORES.newest.version;
  bins = { newest: bin, oldest };
  collections = folderOfCollections;
  await Promise.all([
    runAll('newest', bins.newest, 2, chosen),
    ...(oldest === null ? [] : [runAll('oldest', oldest, 1, onOldest)]),
  ]);
  if (IS_RECORDING) {
    await record('newest', newest);
    await record('oldest', CORES.oldest.version);
  }
}, 900_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const ranOf = (core: string, name: string): Ran => {
  const ran = runs.get(`${core} ${name}`);
  if (ran === undefined) throw new Error(`${name} was not run on the ${core} core`);
  return ran;
};

it('the cases are there, and what they need', () => {
  expect(CASES.length).toBeGreaterThan(95);
  const missing = CASES.flatMap(({ kind, name }) => lacking(expectedOf(kind, name)).map((tool) => `${name}: ${tool}`));
  if (missing.length > 0) console.warn(`not run, because a tool is missing: ${missing.join(', ')}`);
  expect(possible.length).toBeGreaterThan(85);
  expect(chosen.length).toBeGreaterThan(35);
});

describe.each(chosen)('$name', ({ kind, name }) => {
  it('is judged right, shows no secret and leaves the node as it was', () => {
    const { report, code, printed, events, laid, isUntouched } = ranOf('newest', name);
    const expected = expectedOf(kind, name);
    expect(report.tool).toEqual({ name: 'ansible-core', version: newest, exitCode: expected.exit });
    expect(differsFrom(expected, report)).toEqual([]);
    expect(isUntouched).toBe(!expected.checkModeWrites);
    expect(code).toBe(EXIT_CODES[report.verdict]);
    for (const secret of expected.mustNotContain) expect(`${events}${printed}`).not.toContain(secret);
    expect(events).not.toContain('"odd"');
    if (events !== '') expect(statSync(path.join(laid.folder, 'events')).mode & 0o777).toBe(0o600);
  });
});

describe.each(onOldest)('$name, on the oldest core', ({ kind, name }) => {
  it('is judged right', (test) => {
    if (bins.oldest === null) return test.skip('no Python here runs it');
    const { report, printed, events, isUntouched } = ranOf('oldest', name);
    const expected = expectedOf(kind, name);
    if (OTHER_ON_OLDEST.has(name)) expect(report.verdict).toBe(expected.verdict);
    else expect(differsFrom(expected, report)).toEqual([]);
    expect(isUntouched).toBe(!expected.checkModeWrites);
    for (const secret of expected.mustNotContain) expect(`${events}${printed}`).not.toContain(secret);
  });
});

describe.concurrent.each(AGAIN)('%s, once more by the command', (name) => {
  it('has the same result, and shows no secret on any way', async ({ expect }) => {
    const { laid, report } = ranOf('newest', name);
    const env = shellOf(laid, bins.newest, collections);
    const cwd = path.join(laid.folder, 'case');
    const args = ['check', '-c', 'plumbline.yaml', '--json', '--html', '../report.html'];
    const { stdout, stderr, code } = await plumbline(args, { cwd, env });
    const [again] = reportSchema.array().parse(JSON.parse(stdout));
    const html = readFileSync(path.join(laid.folder, 'report.html'), 'utf8');
    for (const secret of expectedOf('cases', name).mustNotContain)
      expect(`${stdout}${stderr}${html}`).not.toContain(secret);
    // What the first run did for real, by the author's word, is done.
    if (expectedOf('cases', name).checkModeWrites) return expect(again?.verdict).toBe('in-sync');
    expect({ ...again, ...ITS_OWN }).toEqual({ ...report, ...ITS_OWN });
    expect(code).toBe(EXIT_CODES[report.verdict]);
  });
});

describe('the plugin', () => {
  it('does not start a run whose events cannot be kept', async () => {
    const { laid } = ranOf('newest', 'mode-too-open');
    const own = path.join(laid.folder, 'taken');
    const call = await callOf(own, path.join(laid.folder, 'case'), { root: laid.root });
    await writeFile(path.join(own, 'events'), 'of somebody else');
    const env = { ...shellOf(laid, bins.newest, collections), ...call.environment };
    const ended = await execa(path.join(bins.newest, 'ansible-playbook'), call.arguments, {
      ...{ cwd: call.cwd, env, extendEnv: false, reject: false, timeout: 60_000 },
    });
    expect(ended.exitCode).not.toBe(0);
    expect(ended.stderr).toContain(`the events cannot be written to ${path.join(own, 'events')}: File exists`);
    expect(readFileSync(path.join(own, 'events'), 'utf8')).toBe('of somebody else');
  });

  it('never ends the play when the disk is full, and the judge sees it', async () => {
    const { laid } = ranOf('newest', 'looks-only');
    // No file may grow beyond 1 KB: what a full disk looks like to a writer.
    const script = `[ "$1" = --version ] || ulimit -f 1; trap '' XFSZ; exec ${bins.newest}/ansible-playbook "$@"`;
    const wrapped = path.join(laid.folder, 'bin');
    await mkdir(wrapped);
    await writeFile(path.join(wrapped, 'ansible-playbook'), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
    const { report } = await checkCase(laid, shellOf(laid, wrapped, collections));
    expect(report.tool?.exitCode).toBe(0);
    expect(report.verdict).toBe('unknown');
    expect(report.reason).toMatch(/incomplete: line \d+ of the stream/);
  });

  it('is plain Python for the oldest version that Ansible runs on', () => {
    const file = path.resolve(import.meta.dirname, '../../checks/nodes/plugin/plumbline_events.py');
    const parse = 'import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 8))';
    execFileSync('python3', ['-c', parse, file]);
  });
});

describe('what the plugin hides', () => {
  const variables = {
    db: { password: 'hunter22' },
    named: ['abcdefg', { y: 'zzzzzz1' }],
    private_key_path: '/etc/ssl/key.pem',
    api_tokens: { a: 'tok-12345' },
    plain: 'visible-value',
    short_password: 'abc',
  };
  const texts: readonly (readonly [string, string])[] = [
    ['x hunter22 y abcdefg z zzzzzz1 tok-12345', 'x (sensitive) y (sensitive) z (sensitive) (sensitive)'],
    ['/etc/ssl/key.pem visible-value abc', '/etc/ssl/key.pem visible-value abc'],
    ['password: |\n  line one\n  line two\nother: 1', 'password: (sensitive)\n  (sensitive)\nother: 1'],
    ['db.password=zz top\nnext=1', 'db.password=(sensitive)\nnext=1'],
    ['{"client_secret": "a\\"b", "k": 1}', '{"client_secret": (sensitive), "k": 1}'],
    ['https://robot:pa%40ss@host.example/x', 'https://robot:(sensitive)@host.example/x'],
    ['mysqldump --db-password pw1 all', 'mysqldump --db-password (sensitive) all'],
    ['a\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb\n', 'a\n-----BEGIN PRIVATE KEY----- (sensitive)'],
    ['-----BEGIN CERTIFICATE-----\nTUlJ\n', '-----BEGIN CERTIFICATE-----\nTUlJ\n'],
    ['Authorization: Bearer abc.def-ghi', 'Authorization: Bearer (sensitive)'],
    ['root:$6$salt$hash/x.y:19000:', 'root:(sensitive):19000:'],
    ['id AKIAABCDEFGHIJKLMNOP', 'id (sensitive)'],
    ['token_ttl = 30', 'token_ttl = 30'],
  ];
  /** What made an earlier form of the patterns take minutes. */
  const hostile = [
    'x.',
    '-eyJaaaaaaa',
    '-',
    'a.b+c-',
    'password ',
    '-----BEGIN RSA PRIVATE KEY-----',
    '  ',
    'password: |\n',
  ];

  it('is what is known, and what looks secret; and no text takes long', () => {
    const script = `import json, sys, time
sys.path.insert(0, sys.argv[1])
from plumbline_events import Secrets
given = json.load(sys.stdin)
secrets = Secrets(frozenset(["named"]))
secrets.learn_below(given["variables"])
begun = time.process_time()
for text in given["hostile"]:
    secrets.redact(text * (256 * 1024 // len(text)))
seconds = time.process_time() - begun
print(json.dumps({"seconds": seconds, "texts": [secrets.redact(text) for text in given["texts"]]}))`;
    const plugin = path.resolve(import.meta.dirname, '../../checks/nodes/plugin');
    const input = JSON.stringify({ variables, hostile, texts: texts.map(([text]) => text) });
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    const printed = execFileSync(path.join(bins.newest, 'python'), ['-c', script, plugin], { input, env });
    const said = JSON.parse(printed.toString()) as { readonly seconds: number; readonly texts: readonly string[] };
    expect(said.texts).toEqual(texts.map(([, wanted]) => wanted));
    expect(said.seconds).toBeLessThan(10);
  });
});

describe('plumbline judge nodes', () => {
  it('prints a report for people, and JSON, with the exit codes of the verdicts', async () => {
    const events = path.join(ranOf('newest', 'hosts-one-of-two-drifted').laid.folder, 'events');
    const shown = await plumbline(['judge', 'nodes', '--events', events], { cwd: folder });
    expect(shown.code).toBe(2);
    expect(shown.stdout).toMatch(/drifted {2}offline\/nodes {2}1 finding/);
    expect(shown.stdout).toMatch(/web2: motd .*web2\/motd .*on 1 of 2 nodes/);
    const lost = await plumbline(['judge', 'nodes', '--events', events, 'none', '--json'], { cwd: folder });
    expect(lost.stderr).toContain('none: there is no such file');
    expect(reportSchema.parse(JSON.parse(lost.stdout)).coverage.uncovered).toHaveLength(1);
    const wrong = await plumbline(['judge', 'nodes', '--events', events, '--exit-code', 'x'], { cwd: folder });
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
  });
});
