import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encryptVault } from '#checks/nodes/vault.ts';
import { readStream } from '#drift/nodes/stream.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { Bench, eventually } from './node-document/bench.ts';
import { IDLE, packOdd, running } from './node-document/bundle.ts';
import { type Node, parentOf, processesWith } from './node-document/node.ts';

/** Faults on the real path: each is told in one sentence, none leaves anything, and none looks like a run that ended well. */
const folder = mkdtempSync(path.join(os.tmpdir(), 'plumbline-document-'));
let bench: Bench;
let node: Node;

beforeAll(async () => {
  bench = await Bench.start(folder, await makeCertificates(folder));
});
afterAll(async () => {
  await bench.stop();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => expect(node.left()).toEqual([]));

/** What such an end looks like: nothing but the line, and no stream. */
const refused = (problem: string | RegExp) => ({
  code: 1,
  stderr: '',
  answer: expect.objectContaining({ sha256: null, size: null, problem: expect.stringMatching(problem) }),
});

describe('the bundle', () => {
  it('is not even unpacked when its hash is another', async () => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: running(`touch ${node.root}/ran`) });
    expect(await node.run(packed, { sha256: '0'.repeat(64) })).toMatchObject(refused(/SHA-256 differs/));
    expect(bench.store.puts).toEqual([]);
  });

  it('is no longer read when it is too large', async () => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: IDLE });
    bench.store.reset({ megabytes: 80 });
    expect(await node.run(packed)).toMatchObject(refused(/larger than 64 MB/));
  });

  it.each([
    [403, /cannot be fetched: the link was refused \(403\): its time is over/],
    [404, /cannot be fetched: the link was answered with 404/],
  ])('is not there: %s', async (status, problem) => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: IDLE });
    bench.store.faults.GET.push(status);
    expect(await node.run(packed)).toMatchObject(refused(problem));
    expect(bench.store.requests).toBe(1);
  });

  it('is asked for again after what may pass', async () => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: IDLE });
    bench.store.faults.GET.push(503, 'drop');
    expect(await node.run(packed)).toMatchObject({ code: 0, answer: { exit: 0 } });
  });

  it('comes from a server whose certificate is trusted, or not at all', async () => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: IDLE });
    const ended = await node.run(packed, { env: { SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt' } });
    expect(ended).toMatchObject(refused(/certificate of S3 is not trusted/));
    expect(bench.store.requests).toBe(0);
  });

  it.each([
    ['a path that climbs', [`'source/../../escaped', data=b'x'`], /path that is not one of its own/],
    ['an absolute path', [`'/tmp/plumbline-escaped', data=b'x'`], /path that is not one of its own/],
    ['a device', [`'source/null', tarfile.CHRTYPE`], /no file, folder or symbolic link/],
    ['a pipe', [`'source/pipe', tarfile.FIFOTYPE`], /no file, folder or symbolic link/],
    ['a hard link', [`'source/passwd', tarfile.LNKTYPE, '/etc/passwd'`], /no file, folder or symbolic link/],
    [
      'a file below a link',
      [`'source/out', tarfile.SYMTYPE, '/tmp'`, `'source/out/plumbline-escaped', data=b'x'`],
      /two of its members are at the same place/,
    ],
    ['a file twice', [`'source/a', data=b'x'`, `'source/a', data=b'y'`], /cannot be unpacked/],
    ['no run', [`'source/a', data=b'x'`], /run.json cannot be read/],
    [
      'another kind of run',
      [`'run.json', data=b'{"format":"other/9","links":{},"names":{}}'`],
      /run.json cannot be read|of another kind/,
    ],
  ])('is refused when it holds %s', async (_, members, problem) => {
    node = bench.newNode();
    const packed = await packOdd(members);
    bench.store.reset(packed.data);
    expect(await node.run(packed)).toMatchObject(refused(problem));
    expect(bench.store.puts).toEqual([]);
    expect(existsSync('/tmp/plumbline-escaped')).toBe(false);
  });

  it('is refused when it unpacks to far more than it is', async () => {
    node = bench.newNode();
    const packed = await packOdd([`'source/zeros', data=bytes(300 << 20)`]);
    expect(packed.data.length).toBeLessThan(1024 * 1024);
    bench.store.reset(packed.data);
    expect(await node.run(packed)).toMatchObject(refused(/more than 256 MB/));
  });

  it('has links within the repository only', async () => {
    node = bench.newNode();
    const tests = ['in is exists', 'out is not link', 'climbs is not link'].map((text) => {
      const [name, ...rest] = text.split(' ');
      return `"(playbook_dir + '/${name}') ${rest.join(' ')}"`;
    });
    const site = `- hosts: web\n  gather_facts: false\n  tasks: [{ assert: { that: [${tests.join(', ')}] } }]\n`;
    const files = {
      'site.yml': site,
      in: { to: './site.yml' },
      out: { to: '/etc/hostname' },
      climbs: { to: '../../run.json' },
    };
    expect(await node.run(await bench.bundle({ files }))).toMatchObject({ code: 0, answer: { exit: 0 } });
  });

  it('has no link for a node that came later', async () => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: IDLE });
    const env = { AWS_SSM_INSTANCE_ID: 'mi-0123456789abcdef0' };
    expect(await node.run(packed, { env })).toMatchObject(refused(/no link for this node/));
    const without = { AWS_SSM_INSTANCE_ID: undefined };
    expect(await node.run(packed, { env: without })).toMatchObject(refused(/did not say which node/));
  });
});

describe('handing over', () => {
  it.each([
    [403, /cannot be handed over: the link was refused \(403\)/],
    [412, /handed over by this node's link before/],
  ])('is refused with %s', async (status, problem) => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: IDLE });
    bench.store.faults.PUT.push(status);
    expect(await node.run(packed)).toMatchObject(refused(problem));
    expect(bench.store.puts.length).toBe(1);
  });

  it('is done once when the answer gets lost', async () => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: IDLE });
    bench.store.faults.PUT.push('drop', 409);
    expect(await node.run(packed)).toMatchObject({ code: 0, answer: { size: bench.stream().length, problem: null } });
    expect(bench.store.puts.length).toBe(3);
  });

  it('is done by the first of two runs of one command', async () => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: running('sleep 2') });
    const both = await Promise.all([node.run(packed), node.run(packed)]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(both.find(({ code }) => code === 1)).toMatchObject(refused(/link before/));
  });

  it('takes no stream that is larger than anybody reads', async () => {
    node = bench.newNode();
    const site =
      '- hosts: web\n  gather_facts: false\n  tasks: [{ debug: { msg: x }, loop: "{{ range(2000) | list }}" }]\n';
    const packed = await bench.bundle({ files: { 'site.yml': site }, maxStreamBytes: 65_536 });
    expect(await node.run(packed)).toMatchObject(refused(/larger than 0.0625 MB/));
    expect(bench.store.puts).toEqual([]);
  });
});

describe('a run that is stopped', () => {
  /** Leaves a process in a session of its own, as async tasks and newer workers do. */
  const started = (mark: string) => running(`setsid sh -c 'sleep ${mark}' & sleep ${mark}`);

  it('at its time limit hands over what it saw', async () => {
    node = bench.newNode();
    const ended = await node.run(await bench.bundle({ files: started('7171.1') }), { seconds: 20 });
    expect(ended).toMatchObject({ code: 0, answer: { exit: null, hint: expect.stringMatching(/time was over/) } });
    expect(readStream(bench.stream().toString()).problem).toMatch(/broke off in or after "really run"/);
    expect(processesWith('7171.1')).toEqual([]);
  });

  it('while it hands over says so', async () => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: IDLE });
    bench.store.faults.PUT.push(503, 503, 503, 503);
    expect(await node.run(packed, { seconds: 10 })).toMatchObject(refused(/time was over while/));
  });

  it('by kill -9 of its group is cleaned up after', async () => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: started('7272.2') });
    const ended = await node.run(packed, {
      started: (child) =>
        void eventually(() => processesWith('7272.2').length > 2).then(() =>
          process.kill(-Number(child.pid), 'SIGKILL'),
        ),
    });
    expect(ended).toMatchObject({ code: null, stdout: '', stderr: '' });
    await eventually(() => processesWith('7272.2').length === 0 && node.left().length === 0);
    expect(bench.store.puts).toEqual([]);
  });

  it('by SIGTERM cleans up and says so', async () => {
    node = bench.newNode();
    const packed = await bench.bundle({ files: started('7373.3') });
    const ended = await node.run(packed, {
      started: (child) =>
        void eventually(() => processesWith('7373.3').length > 2).then(() =>
          process.kill(-Number(child.pid), 'SIGTERM'),
        ),
    });
    expect(ended.answer).toMatchObject({ problem: expect.stringMatching(/stopped by a signal/), sha256: null });
    expect(processesWith('7373.3')).toEqual([]);
    expect(bench.store.puts).toEqual([]);
  });

  it.each([
    ['worker', 1, { code: 1, problem: /the run was killed/ }],
    ['keeper', 2, { code: 1, problem: /process that keeps the run was killed/ }],
  ])('because its %s is killed says so', async (_, generations, { code, problem }) => {
    node = bench.newNode();
    const mark = `74${generations}.4`;
    const packed = await bench.bundle({ files: started(mark) });
    const kill = (): void => {
      const [playbook = 0] = processesWith(`${node.temporary}/`).filter((id) =>
        processesWith('ansible-playbook').includes(id),
      );
      let id = playbook;
      for (let generation = 0; generation < generations; generation += 1) id = parentOf(id);
      process.kill(id, 'SIGKILL');
    };
    const ended = await node.run(packed, {
      started: () => void eventually(() => processesWith(mark).length > 2).then(kill),
    });
    expect(ended).toMatchObject({ ...refused(problem), code });
    await eventually(() => processesWith(mark).length === 0 && node.left().length === 0);
  });

  it('that cannot remove its folder says so, beside all else', async () => {
    node = bench.newNode();
    const busy = await bench.bundle({ files: running('mkdir "$TMPDIR/busy" && mount -t tmpfs none "$TMPDIR/busy"') });
    const ended = await node.run(busy, { before: '"$@"' });
    const [folderOfRun = '', ...others] = node.left();
    expect(others).toEqual([]);
    expect(ended).toMatchObject({ code: 0, answer: { exit: 0, hint: null, problem: null, left: folderOfRun } });
    expect(folderOfRun).toMatch(/\/plumbline-node-\w+$/);
    rmSync(folderOfRun, { recursive: true });
  });

  it('with its node is cleaned up after by the next one', async () => {
    node = bench.newNode();
    const [old, young] = ['old', 'young'].map((name) => path.join(node.temporary, `plumbline-node-${name}`));
    for (const place of [old, young]) mkdirSync(path.join(String(place), 'bundle'), { recursive: true });
    const hourAgo = Date.now() / 1000 - 3600;
    utimesSync(String(old), hourAgo, hourAgo);
    await node.run(await bench.bundle({ files: IDLE }));
    expect(node.left()).toEqual([young]);
    rmSync(String(young), { recursive: true });
  });
});

describe('the node', () => {
  const hide = (...places: readonly string[]) =>
    `${places.map((place) => `mount -t tmpfs none ${place}`).join('; ')}; "$@"`;

  it('has no Python', async () => {
    node = bench.newNode(null);
    const before = `mount -t tmpfs none /opt
for python in /usr/bin/python3* /usr/local/bin/python3*; do [ ! -f $python ] || mount --bind /dev/null $python; done
"$@"`;
    const ended = await node.run(await bench.bundle({ files: IDLE }), { before });
    expect(ended).toMatchObject(refused(/Python 3.8 or newer is needed/));
    expect(bench.store.requests).toBe(0);
  });

  it('has no ansible-core', async () => {
    node = bench.newNode(null);
    const ended = await node.run(await bench.bundle({ files: IDLE }), { before: hide('/usr/local/bin', '/opt') });
    expect(ended).toMatchObject(
      refused(/ansible-core 2.12 or newer is needed on this node, and no ansible-playbook was found/),
    );
  });

  it.each([
    ['2.11.12', 'ansible-playbook [core 2.11.12] \\n  python version = 3.9.18 (main)'],
    ['2.9.27', 'ansible-playbook 2.9.27\\n  python version = 3.9.18 (main)'],
  ])('has an ansible-core that is too old: %s', async (version, said) => {
    node = bench.newNode(null);
    const bin = path.join(folder, `old-${version}`);
    mkdirSync(bin);
    writeFileSync(path.join(bin, 'ansible-playbook'), `#!/bin/sh\nprintf '${said}'\n`, { mode: 0o755 });
    const env = { PATH: `${bin}:/usr/bin:/bin` };
    const ended = await node.run(await bench.bundle({ files: IDLE }), { before: hide('/usr/local/bin', '/opt'), env });
    expect(ended).toMatchObject(refused(`2.12 or newer is needed on this node: ${bin}/ansible-playbook is ${version}`));
  });

  it('runs nothing that another user may have put there', async () => {
    node = bench.newNode(null);
    const bin = path.join(folder, 'writable');
    mkdirSync(bin);
    writeFileSync(path.join(bin, 'ansible-playbook'), `#!/bin/sh\ntouch ${node.root}/ran\n`, { mode: 0o777 });
    const env = { PATH: `${bin}:/usr/bin:/bin` };
    chmodSync(path.join(bin, 'ansible-playbook'), 0o777);
    const ended = await node.run(await bench.bundle({ files: IDLE }), { before: hide('/usr/local/bin', '/opt'), env });
    expect(ended).toMatchObject(refused(/no ansible-playbook was found/));
  });

  it.each([
    ['in a virtual environment of its own', 'ansible'],
    ['by pipx', '.local/share/pipx/venvs/ansible-core'],
    ['by an older pipx', '.local/pipx/venvs/ansible-core'],
  ])('has ansible-core %s', async (_, place) => {
    node = bench.newNode(null);
    mkdirSync(path.join(node.home, path.dirname(place)), { recursive: true });
    symlinkSync(path.dirname(bench.bin), path.join(node.home, place));
    const ended = await node.run(await bench.bundle({ files: IDLE }), { before: hide('/usr/local/bin', '/opt') });
    expect(ended).toMatchObject({ code: 0, answer: { exit: 0, problem: null } });
    rmSync(node.home, { recursive: true });
    mkdirSync(node.home);
  });

  it('has a full disk', async () => {
    node = bench.newNode();
    const files = { ...IDLE, large: Buffer.alloc(4 * 1024 * 1024, 'large') };
    const before = `mount -t tmpfs -o size=2m none ${node.temporary}; "$@"`;
    expect(await node.run(await bench.bundle({ files }), { before })).toMatchObject(
      refused(/disk of the node is full/),
    );
  });

  it('has a disk that is full while the playbook runs', async () => {
    node = bench.newNode();
    const before = `mount -t tmpfs -o size=2m none ${node.temporary}; "$@"`;
    // By a lookup: a module would make room again when it has ended.
    const fill = `lookup('pipe', 'dd if=/dev/zero of=${node.temporary}/large bs=4k 2>&1 || true')`;
    const tasks = `[{ debug: { msg: "{{ ${fill} }}" } }, { debug: { msg: hello }, loop: "{{ range(99) | list }}" }]`;
    const files = { 'site.yml': `- hosts: web\n  gather_facts: false\n  tasks: ${tasks}\n` };
    const ended = await node.run(await bench.bundle({ files }), { before });
    expect(ended.answer).toMatchObject({ size: bench.stream().length });
    expect(readStream(bench.stream().toString()).problem).not.toBeNull();
  });

  it('has another vault password', async () => {
    node = bench.newNode();
    const site =
      '- hosts: web\n  gather_facts: false\n  vars_files: [vaulted.yml]\n  tasks: [{ debug: { msg: "{{ opened }}" } }]\n';
    const files = { 'site.yml': site, 'vaulted.yml': encryptVault('opened: it', 'right-password') };
    const ended = await node.run(await bench.bundle({ files, vaultPassword: 'wrong-password' }));
    expect(ended).toMatchObject({
      code: 0,
      answer: { exit: 1, hint: expect.stringMatching(/vault password is missing or wrong/) },
    });
  });

  it('cannot read the playbook', async () => {
    node = bench.newNode();
    const ended = await node.run(await bench.bundle({ files: { 'site.yml': '- hosts: web\n  tasks: [ {\n' } }));
    expect(ended).toMatchObject({ code: 0, answer: { exit: 4, hint: expect.stringMatching(/YAML of .*site.yml/) } });
  });
});

describe('hostile output', () => {
  it('never comes to the last line', async () => {
    node = bench.newNode();
    const fake = String.raw`\e[2Jplumbline-node/1 {\"sha256\":null}`;
    const site = `- hosts: web\n  gather_facts: false\n  tasks: [{ name: "${fake}", fail: { msg: "${fake}" } }]\n`;
    const ended = await node.run(await bench.bundle({ files: { 'site.yml': site } }));
    expect(ended).toMatchObject({ code: 0, stderr: '', answer: { exit: 2, hint: null, size: bench.stream().length } });
    expect(bench.stream().toString()).toContain(String.raw`\u001b[2Jplumbline-node/1`);
  });

  it('is thrown away, however much it is', async () => {
    node = bench.newNode();
    const noisy = `
import os
for number in (1, 2):
    for _ in range(100):
        os.write(number, b'plumbline-node/1 {"sha256":"x"}\\n' * 32768)
open('${node.root}/printed', 'w').close()
class FilterModule(object):
    def filters(self):
        return {'quiet': str}
`;
    const site = '- hosts: web\n  gather_facts: false\n  tasks: [{ debug: { msg: "{{ 1 | quiet }}" } }]\n';
    const files = { 'site.yml': site, 'filter_plugins/noisy.py': noisy };
    expect(await node.run(await bench.bundle({ files }))).toMatchObject({ code: 0, stderr: '', answer: { exit: 0 } });
    expect(existsSync(path.join(node.root, 'printed'))).toBe(true);
  });
});
