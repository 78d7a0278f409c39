import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptVault } from '#checks/nodes/vault.ts';
import { readStream } from '#drift/nodes/stream.ts';
import { makeCertificates } from '#sandbox/tls.ts';
import { CORES, installCore } from './ansible/install.ts';
import { Bench } from './node-document/bench.ts';
import { IDLE, KEY, running } from './node-document/bundle.ts';
import { ConnectProxy } from './node-document/store.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'plumbline-document-'));
let bench: Bench;

beforeAll(async () => {
  bench = await Bench.start(folder, await makeCertificates(folder));
});
afterAll(async () => {
  await bench.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What another process of the node could see: of all that lead to this one, of the disk and of shared memory. */
const LOOK = `
cd $1
process=$$
while tr '\\0' ' ' < /proc/$process/cmdline >> arguments; do
  echo >> arguments
  tr '\\0' '\\n' < /proc/$process/environ >> environments
  grep -q script- /proc/$process/cmdline && break
  process=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$process/status)
done
find $2 -type f -exec cat '{}' + > files
find /dev/shm/plumbline-node-* -type f -exec sh -c 'cat $0; echo' '{}' ';' > memory
{ umask; nice; ionice; } > place
`;

describe('a run', () => {
  it('hands its stream over, says so in one line, and leaves nothing', async () => {
    const node = bench.newNode();
    writeFileSync(path.join(node.root, 'motd'), 'edited by hand\n');
    const task = `{ name: motd, copy: { content: "declared", dest: "${node.root}/motd" } }`;
    const packed = await bench.bundle({ files: { 'site.yml': `- hosts: web\n  tasks: [${task}]\n` } });
    const ended = await node.run(packed);
    expect(ended).toMatchObject({ code: 0, stderr: '', answer: { problem: null } });
    expect(ended.answer).toEqual({
      sha256: createHash('sha256').update(bench.stream()).digest('hex'),
      size: bench.stream().length,
      exit: 0,
      hint: null,
      problem: null,
      ansible: CORES.middle.version,
      python: expect.stringMatching(/^3\.\d+\.\d+$/),
      left: null,
    });
    expect(bench.store.puts).toMatchObject([{ path: '/nodes/web1.jsonl', ifNoneMatch: '*' }]);
    const { lines, problem } = readStream(bench.stream().toString());
    expect(problem).toBeNull();
    expect(lines).toContainEqual(expect.objectContaining({ event: 'task', host: 'web1', status: 'changed' }));
    expect(node.left()).toEqual([]);
  });

  it('keeps secrets out of arguments, environments and files, and takes what is left of the machine', async () => {
    const node = bench.newNode();
    const site = `${running(`sh {{ playbook_dir }}/look.sh ${node.root} ${node.temporary}`)['site.yml']}
    - debug: { msg: "{{ db_password }} {{ opened }}" }
  vars_files: [vaulted.yml]
`;
    const vaulted = encryptVault('opened: it-was-opened', 'vault-password-1');
    const packed = await bench.bundle({
      files: { 'site.yml': site, 'look.sh': LOOK, 'vaulted.yml': vaulted },
      secrets: { db_password: 's3cr3t-of-the-database' },
      vaultPassword: 'vault-password-1',
    });
    expect(await node.run(packed)).toMatchObject({ code: 0, answer: { exit: 0, problem: null } });
    const seen = (name: string): string => readFileSync(path.join(node.root, name), 'utf8');
    expect(seen('arguments').split('\n').length).toBeGreaterThan(6);
    expect(seen('arguments')).toMatch(/ansible-playbook .*\n(.*\n)*.*script-\d+\.sh/);
    for (const secret of [KEY, 's3cr3t-of-the-database', 'vault-password-1', 'it-was-opened', 'X-Amz-Signature']) {
      expect(seen('arguments')).not.toContain(secret);
      expect(seen('environments')).not.toContain(secret);
      expect(bench.stream().toString()).not.toContain(secret);
      const isLink = secret.startsWith('X-Amz');
      if (!isLink) expect(seen('files')).not.toContain(secret);
    }
    expect(seen('files')).toContain('plumbline.bundle/1');
    // The key alone is in clear, and in memory.
    expect(seen('memory').split('\n')).toContain(KEY);
    expect(seen('environments')).toContain(`\nHOME=${node.home}\n`);
    expect(seen('place')).toBe('0022\n10\nbest-effort: prio 7\n');
    expect(node.left()).toEqual([]);
  });

  it('leaves nothing in the places that are shared either', async () => {
    const node = bench.newNode();
    const places = ['/tmp', '/var/tmp', '/dev/shm'];
    // The test's own folder may lie below one of them, and the project, whose Ansible it is.
    const project = path.resolve(import.meta.dirname, '../..');
    const before = `mount --bind ${folder} /mnt
mount --bind ${project} /media
${places.map((place) => `mount -t tmpfs none ${place}`).join('\n')}
mkdir -p ${folder} ${project}; mount --bind /mnt ${folder}; mount --bind /media ${project}
"$@"
ls -A ${places.join(' ')} > ${node.root}/left; [ -d ${node.temporary} ]`;
    const site = `- hosts: web
  tasks:
    - { copy: { content: x, dest: "${node.root}/new" } }
    - { shell: "echo {{ lookup('env', 'TMPDIR') }} > ${node.root}/where", check_mode: false }
`;
    const packed = await bench.bundle({ files: { 'site.yml': site } });
    const ended = await node.run(packed, { before, env: { TMPDIR: undefined } });
    expect(ended.answer).toMatchObject({ exit: 0, problem: null });
    expect(readFileSync(path.join(node.root, 'where'), 'utf8')).toMatch(/^\/var\/tmp\/plumbline-node-\w+\/tmp$/m);
    const names = readFileSync(path.join(node.root, 'left'), 'utf8')
      .split('\n')
      .filter((name) => name !== '');
    const own = [folder, project].filter((name) => name.startsWith('/tmp/')).map((name) => name.split('/')[2] ?? '');
    expect(names).toEqual(['/dev/shm:', '/tmp:', ...[...new Set(own)].sort(), '/var/tmp:']);
    expect(node.left()).toEqual([]);
  });

  it('reads a home as a run by hand does', async () => {
    const node = bench.newNode();
    writeFileSync(path.join(node.home, '.profile'), 'declared\n');
    const task = '{ lineinfile: { path: ~/.profile, line: declared } }';
    const site = `- hosts: web\n  gather_facts: false\n  tasks: [${task}]\n`;
    const ended = await node.run(await bench.bundle({ files: { 'site.yml': site } }));
    expect(ended.answer).toMatchObject({ exit: 0 });
    const { lines } = readStream(bench.stream().toString());
    expect(lines).toContainEqual(expect.objectContaining({ event: 'task', status: 'ok' }));
    expect(node.left()).toEqual([path.join(node.home, '.profile')]);
  });

  it('goes through the proxy of the agent', async () => {
    const node = bench.newNode();
    const proxy = await ConnectProxy.start();
    const packed = await bench.bundle({ files: IDLE });
    const ended = await node.run(packed, { env: { https_proxy: proxy.url } });
    const direct = await node.run(packed, { env: { https_proxy: proxy.url, no_proxy: 'localhost' } });
    proxy.stop();
    expect(ended).toMatchObject({ code: 0 });
    expect(direct).toMatchObject({ answer: { problem: expect.stringMatching(/before/) } });
    expect(proxy.asked).toEqual(['localhost', 'localhost']);
  });

  it.each([[['bash', '--posix']], [['bash']]])('is started by %s', async (shell) => {
    const node = bench.newNode();
    expect(await node.run(await bench.bundle({ files: IDLE }), { shell })).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([CORES.oldest, CORES.newest])('is the same on ansible-core $version', async (core) => {
    const bin = await installCore(core);
    if (bin === null) return;
    const node = bench.newNode(bin);
    const site = `
- hosts: web
  vars_files: [vaulted.yml]
  tasks:
    - { name: in reach, assert: { that: ["opened == 'it-was-opened'", "db_password == 's3cr3t-of-the-database'"] } }
    - { name: guarded, copy: { content: "{{ opened }}", dest: "${node.root}/new" } }
`;
    const packed = await bench.bundle({
      files: { 'site.yml': site, 'vaulted.yml': encryptVault('opened: it-was-opened', 'vault-password-1') },
      secrets: { db_password: 's3cr3t-of-the-database' },
      vaultPassword: 'vault-password-1',
    });
    const ended = await node.run(packed);
    expect(ended).toMatchObject({ code: 0, stderr: '', answer: { exit: 0, ansible: core.version, problem: null } });
    expect(readStream(bench.stream().toString()).problem).toBeNull();
    expect(bench.stream().toString()).not.toMatch(/it-was-opened|s3cr3t-of/);
    expect(node.left()).toEqual([]);
  });

  it.runIf(process.getuid?.() === 0)('lets tasks become another user, who cannot look into its folder', async () => {
    const node = bench.newNode();
    const wanted = `/var/tmp/plumbline-test-${process.pid}`;
    const site = `
- hosts: web
  gather_facts: false
  become: true
  become_user: nobody
  become_method: su
  become_flags: -s /bin/sh
  vars: { ansible_python_interpreter: /usr/bin/python3 }
  tasks:
    - { copy: { content: declared, dest: ${wanted} } }
    - { shell: "id -un; cat {{ playbook_dir }}/site.yml || echo closed", check_mode: false, register: said }
    - { assert: { that: "said.stdout_lines == ['nobody', 'closed']" }, become: false }
`;
    const ended = await node.run(await bench.bundle({ files: { 'site.yml': site } }));
    expect(ended).toMatchObject({ code: 0, answer: { exit: 0, problem: null } });
    expect(readStream(bench.stream().toString()).lines).toContainEqual(
      expect.objectContaining({ event: 'task', status: 'changed', path: wanted }),
    );
    expect(node.left()).toEqual([]);
  });
});
