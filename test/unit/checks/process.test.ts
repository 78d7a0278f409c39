import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ProcessRequest, runProcess } from '#services/process.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-process-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const PATH = process.env['PATH'] ?? '';
const run = (script: string, extra: Partial<ProcessRequest> = {}) =>
  runProcess({ file: '/bin/sh', args: ['-c', script], cwd: folder, env: { PATH }, timeoutMs: 20_000, ...extra });

/** Whether a process runs; one that is dead and not yet reaped does not. */
function alive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function pidIn(file: string): Promise<number> {
  return Number(await readFile(join(folder, file), 'utf8'));
}

describe('what the result says', () => {
  test('exit code and both outputs', async () => {
    const result = await run('echo out; echo err >&2; exit 3');
    expect(result.end).toEqual({ kind: 'exited', exitCode: 3 });
    expect(result.stdout.toString()).toBe('out\n');
    expect(result.stderr).toBe('err\n');
    expect(result.cut).toBe(false);
  });

  test('a signal from elsewhere is no exit code', async () => {
    expect((await run('kill -KILL $$')).end).toEqual({ kind: 'killed', signal: 'SIGKILL' });
  });

  test.each([['/nowhere/at/all'], ['no-such-tool-anywhere']])('%s cannot be started', async (file) => {
    const result = await runProcess({ file, args: [], cwd: folder, env: { PATH }, timeoutMs: 5000 });
    expect(result.end).toMatchObject({ kind: 'not started', reason: expect.stringContaining('ENOENT') });
  });

  test('a working directory that is gone cannot be started in', async () => {
    const result = await run('true', { cwd: join(folder, 'gone') });
    expect(result.end.kind).toBe('not started');
  });

  test('nothing of our environment but what is given', async () => {
    process.env['PLUMBLINE_TEST_CANARY'] = 'canary';
    const result = await run('env', { env: { PATH, ONLY: 'this' } });
    delete process.env['PLUMBLINE_TEST_CANARY'];
    const names = result.stdout
      .toString()
      .split('\n')
      .map((line) => line.split('=')[0])
      .filter((name) => name !== '' && name !== 'PWD' && name !== '_' && name !== 'SHLVL' && name !== 'OLDPWD');
    expect(names.sort()).toEqual(['ONLY', 'PATH']);
  });

  test.runIf(process.getuid?.() === 0)('as another user, without our groups', async () => {
    const result = await run('id -u; id -g; id -G', { cwd: '/', user: { uid: 65534, gid: 65534 } });
    expect(result.stdout.toString()).toBe('65534\n65534\n65534\n');
  });
});

describe('what comes out is bounded', () => {
  test('the tail is kept', async () => {
    const result = await run('i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done', {
      stdout: { keep: 'tail', maxBytes: 100 },
    });
    expect(result.cut).toBe(true);
    expect(result.stdout.length).toBe(100);
    expect(result.stdout.toString().endsWith('line 4999\n')).toBe(true);
  });

  test('all or nothing: too much ends the process', async () => {
    const result = await run('yes', { stdout: { keep: 'all', maxBytes: 100_000 } });
    expect(result.end).toEqual({ kind: 'too much output', maxBytes: 100_000 });
    expect(result.stdout.length).toBe(0);
  });

  test('lines come one by one, whatever the chunks; the last needs no newline', async () => {
    const lines: string[] = [];
    await run('printf "a\\nb"; sleep 0.1; printf "b\\n\\nc"', { onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['a', 'bb', '', 'c']);
  });

  test('a line without end is cut', async () => {
    const lines: string[] = [];
    await run('head -c 1000000 /dev/zero | tr "\\0" x; echo; echo end', { onLine: (line) => lines.push(line) });
    expect(lines.map((line) => line.length)).toEqual([256 * 1024, 3]);
  });
});

describe('nothing is left behind', () => {
  // The child ignores SIGTERM, so that only SIGKILL to the whole group can end it.
  const stubborn = (file: string) => `sh -c 'trap "" TERM; echo $$ > ${file}; while :; do sleep 1; done' & wait`;

  test('time limit: the group is gone', async () => {
    const started = Date.now();
    const result = await run(stubborn('timeout.pid'), { timeoutMs: 500, graceMs: 300 });
    expect(result.end).toEqual({ kind: 'timed out', afterMs: 500 });
    expect(Date.now() - started).toBeLessThan(5000);
    expect(alive(await pidIn('timeout.pid'))).toBe(false);
  });

  test('abort: the tool may end by itself first', async () => {
    const abort = new AbortController();
    const promise = run('trap "echo stopped; exit 7" TERM; echo ready; while :; do sleep 0.1; done', {
      signal: abort.signal,
      onLine: (line) => {
        if (line === 'ready') abort.abort();
      },
    });
    const result = await promise;
    expect(result.end).toEqual({ kind: 'aborted' });
    expect(result.stdout.toString()).toBe('ready\nstopped\n');
  });

  test('what outlives the tool is killed, and does not hold us up', async () => {
    const started = Date.now();
    const result = await run("sh -c 'echo $$ > orphan.pid; sleep 60' & while [ ! -s orphan.pid ]; do sleep 0.05; done");
    expect(result.end).toEqual({ kind: 'exited', exitCode: 0 });
    expect(Date.now() - started).toBeLessThan(5000);
    expect(alive(await pidIn('orphan.pid'))).toBe(false);
  });

  test('one that left the group cannot hold us up by its pipe', async () => {
    const started = Date.now();
    const result = await run('setsid sleep 8 & sleep 0.3; exit 0');
    expect(result.end).toEqual({ kind: 'exited', exitCode: 0 });
    expect(Date.now() - started).toBeLessThan(6000);
  });

  test('no time left or aborted before: nothing is started', async () => {
    expect((await run('touch started', { timeoutMs: 0 })).end).toEqual({ kind: 'timed out', afterMs: 0 });
    expect((await run('touch started', { signal: AbortSignal.abort() })).end).toEqual({ kind: 'aborted' });
    expect(existsSync(join(folder, 'started'))).toBe(false);
  });
});
