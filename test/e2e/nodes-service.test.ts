import { CodeBuildClient, StopBuildCommand } from '@aws-sdk/client-codebuild';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { ListCommandsCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptVault } from '#checks/nodes/vault.ts';
import type { Report } from '#drift/report.ts';
import { deny } from '#sandbox/breaks.ts';
import type { Node } from '#sandbox/nodes.ts';
import { until } from '#sandbox/outside.ts';
import { FleetWorld } from './fleet-world.ts';
import { rightsOfNodes } from './nodes-attacks.ts';
import { FAULTS, faultyWorld, MOTD, ODD, PLANTED } from './nodes-faults.ts';
import { expectInSync, expectUnknown } from './service-world.ts';

let world: FleetWorld;
/** The declared file, once git has changed it. */
const ANEW = 'acme, anew\n';
/** Files below the folders that a run may use, of a node. */
const LEFT_OVERS = 'find /tmp /var/tmp /dev/shm /root/.ansible* -mindepth 1 -not -path "*/.venv/*" 2>/dev/null | sort';
/** What lies there before any run: the project itself may, whose Ansible the nodes have. */
const before = new Map<string, string>();

beforeAll(async () => {
  const vaulted = encryptVault(`harmless: ${PLANTED.vaulted}\n`, PLANTED.vaultPassword);
  world = await FleetWorld.start(faultyWorld(vaulted));
  const linux = world.sandbox.nodes.all.filter(({ name }) => name !== 'windows1');
  await Promise.all(linux.map((node) => node.write(MOTD.path, MOTD.text)));
  await Promise.all(Object.entries(ODD).map(([name, { setUp }]) => world.node(`${name}1`).shell(setUp)));
  await world.node('secret1').write('/etc/acme-live', `password = ${PLANTED.live}\n`, '0600');
  for (const name of ['web1', 'web2', 'secret1', 'stopped1']) {
    before.set(name, await world.node(name).shell(LEFT_OVERS));
  }
  await world.node('halted').stop();
  await Promise.all(Object.entries(FAULTS).map(([name, { prepare }]) => prepare?.(world, name)));
}, 240_000);
afterAll(() => world?.sandbox.stop());

const web = (): Promise<Report> => world.check('prod/web', 90);
const uncovered = ({ coverage }: Report) => coverage.uncovered.map(({ subject, reason }) => `${subject}: ${reason}`);

describe('nodes that are looked at', () => {
  it('are in sync, in EC2 and elsewhere; who is not there yet, or not any more, is not counted', async () => {
    const report = await web();
    expectInSync(report);
    expect(report.coverage).toEqual({ compared: 2, total: 2, uncovered: [] });
    expect(report.tool).toEqual({ name: 'ansible-core', version: '2.19.14', exitCode: null });
    const notes = report.notes
      .filter(({ kind }) => kind === 'uncounted')
      .map(({ subject, text }) => `${subject} ${text}`);
    expect(notes.sort()).toEqual([
      expect.stringMatching(/^halted \(i-\w+\) not counted: it is stopped$/),
      expect.stringMatching(/^young \(i-\w+\) not counted: it was started 0 seconds ago and may still be set up/),
    ]);
  });

  it('one that was edited by hand is found, out of band, and pages; then it is healed', async () => {
    await world.node('web2').shell(`echo hi >> ${MOTD.path}`);
    const report = await web();
    expect(report.findings).toMatchObject([
      {
        subject: 'web2: motd',
        path: MOTD.path,
        change: 'changed',
        cause: 'out-of-band',
        actionReason: 'on 1 of 2 nodes',
      },
    ]);
    await world.paged('plumbline prod/web drift');
    await world.node('web2').write(MOTD.path, MOTD.text);
    expectInSync(await web());
  });

  it('what git changed and nobody has rolled out is pending', async () => {
    await world.push({
      'site.yml': `- hosts: all
  gather_facts: false
  tasks:
    - name: motd
      ansible.builtin.copy: { dest: ${MOTD.path}, content: "acme, anew\\n", mode: "0644" }
`,
    });
    const report = await web();
    expect(report.findings.map(({ subject, cause }) => `${subject} ${cause}`)).toEqual([
      'web1: motd pending',
      'web2: motd pending',
    ]);
    await Promise.all(['web1', 'web2'].map((name) => world.node(name).write(MOTD.path, ANEW)));
    expectInSync(await web());
  });

  it('by two targets at once: both see all of it', async () => {
    const [all, one] = await Promise.all([web(), world.check('prod/twice', 90)]);
    expectInSync(all);
    expectInSync(one);
    expect(one.coverage.total).toBe(1);
  });

  it('nothing is left on them', async () => {
    for (const name of ['web1', 'web2']) {
      expect(await world.node(name).shell(LEFT_OVERS)).toBe(before.get(name));
    }
  });

  it('there are none', async () => {
    expectUnknown(await world.check('prod/nobody', 60), /^no node is selected: mend nodes\.select/);
  });
});

describe.concurrent('a node that goes wrong', () => {
  it.each(Object.entries(FAULTS))(
    '%s',
    async (name, { why }) => {
      const report = await world.check(`prod/${name}`, 170);
      expect([report.verdict, report.findings]).toEqual(['unknown', []]);
      expect([report.reason, ...uncovered(report)].join('\n')).toMatch(why);
      await world.paged(`plumbline prod/${name} unknown`);
    },
    200_000,
  );
});

describe.concurrent('what is odd and can be compared', () => {
  const odd = (name: string): Promise<Report> => world.check(`prod/${name}`, 170);

  it('a difference of 50 MB', async () => {
    const report = await odd('big');
    expect(report.findings).toMatchObject([
      { subject: 'big1: a line of a large file', path: '/etc/acme-big', change: 'changed' },
    ]);
    expect(JSON.stringify(report).length).toBeLessThan(20_000);
  }, 200_000);

  it('files that are no text, or no UTF-8', async () => {
    const { verdict, findings } = await odd('binary');
    expect([verdict, findings.map(({ subject, path }) => `${subject} ${path}`)]).toEqual([
      'drifted',
      ['binary1: binary /etc/acme-binary', 'binary1: latin-1 /etc/acme-latin'],
    ]);
  }, 200_000);

  it('output that wants to be an answer, a stream, a terminal or a page', async () => {
    const report = await odd('hostile');
    expect([report.verdict, report.findings.length, report.coverage]).toEqual([
      'drifted',
      1,
      { compared: 1, total: 1, uncovered: [] },
    ]);
    expect(report.tool?.version).toBe('2.19.14');
    const page = (await world.service.text('state/prod/hostile.html')) ?? '';
    expect(page).toContain('hostile');
    const log = await world.log('/plumbline/nodes/prod');
    for (const evil of ['<img', '\u001b']) expect([page.includes(evil), log.includes(evil)]).toEqual([false, false]);
  }, 200_000);
});

describe('whoever breaks in', () => {
  it('on one node speaks for no other one', async () => {
    await world.node('thief1').write(
      '/usr/local/sbin/ansible-playbook',
      `#!/bin/bash
for run in /var/tmp/plumbline-node-*/bundle/run.json; do
  python3 - "$run" <<'THIEF'
import json, os, sys, urllib.request
links = json.load(open(sys.argv[1]))["links"]
for node, link in links.items():
    if node != os.environ.get("THIEF", "${world.node('thief1').id}"):
        put = urllib.request.Request(link, data=b"{}", method="PUT", headers={"If-None-Match": "*"})
        print(urllib.request.urlopen(put).status, file=open("/root/stolen", "w"))
THIEF
done
exec /usr/local/bin/ansible-playbook "$@"
`,
      '0755',
    );
    await world.node('victim1').set({ slow: 8 });
    for (const name of ['thief1', 'victim1']) await world.node(name).write(MOTD.path, ANEW);
    const report = await world.check('prod/thieves', 120);
    expect(await world.node('thief1').file('/root/stolen')).toContain('200');
    expect(report.verdict).toBe('unknown');
    expect(uncovered(report)).toEqual([
      expect.stringMatching(/^victim1: something was handed over by this node's link before/),
    ]);
  });

  it('as a build, as its role or as a node may do what it needs and nothing else', () => rightsOfNodes(world));
});

/** While a command runs on a node that is slow: the build that sent it. */
async function underWay(target: string, node: Node): Promise<{ readonly runId: string; readonly build: string }> {
  const runId = await world.ask(target);
  await until(`the command of ${target} runs`, 60, async () =>
    /plumbline-node-/.test(await node.shell(LEFT_OVERS)) ? true : null,
  );
  const build = (await world.queue(target))?.running?.build;
  if (build == null) throw new Error(`${target} has no build`);
  return { runId, build };
}

describe('on the way', () => {
  it('the build is stopped: its commands are cancelled, and nothing is left', async () => {
    const node = world.node('stopped1');
    const { runId, build } = await underWay('prod/stopped', node);
    await new CodeBuildClient(world.owner).send(new StopBuildCommand({ id: build }));
    const report = await world.judged('prod/stopped', runId, 60);
    expectUnknown(report, /stopped/);
    const { Commands: commands = [] } = await new SSMClient(world.owner).send(new ListCommandsCommand({}));
    const own = commands.find(({ Comment: comment }) => comment?.includes(runId));
    expect(own?.Status).toMatch(/Cancell/);
    await until('the node is clean', 20, async () =>
      (await node.shell(LEFT_OVERS)) === before.get(node.name) ? true : null,
    );
  });

  it('a node dies half-way', async () => {
    const node = world.node('dies1');
    const { runId } = await underWay('prod/dies', node);
    await node.kill();
    await world.sandbox.nodes.advanceCommandClock(3600);
    const report = await world.judged('prod/dies', runId, 170);
    expectUnknown(report, /^dies1: /);
    await world.paged('plumbline prod/dies unknown');
  }, 200_000);

  it('the bundle is another than the one that was sent', async () => {
    const { s3, bucket } = world.service;
    await world.node('web1').set({ slow: 6 });
    await world.node('web2').set({ slow: 6 });
    const runId = await world.ask('prod/web');
    const Key = await until(
      'the bundle lies in S3',
      60,
      async () => (await world.service.keys('inbox/')).find((key) => key.endsWith('bundle.tar.gz')) ?? null,
    );
    await until('the command is sent', 30, async () => {
      const { Commands: commands = [] } = await new SSMClient(world.owner).send(new ListCommandsCommand({}));
      return commands.some(({ Comment: comment }) => comment?.includes(runId)) ? true : null;
    });
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'another', IfNoneMatch: '*' }));
    const report = await world.judged('prod/web', runId, 90);
    await Promise.all(['web1', 'web2'].map((name) => world.node(name).set({ slow: 0 })));
    expectUnknown(report, /SHA-256 differs/);
  });

  it('the streams may not be handed over', async () => {
    const role = await world.role('Nodes', 'BuildRole');
    await deny(world.iam, role, ['s3:PutObject'], ['arn:aws:s3:::*/nodes/*']);
    const report = await web().finally(() => world.allow(role));
    expectUnknown(report, /the stream cannot be handed over: the link was refused \(403\)/);
  });

  it.each([
    ['send the command', 'ssm:SendCommand'],
    ['follow it', 'ssm:ListCommands'],
    ['read what came of it', 'ssm:ListCommandInvocations'],
    ['list instances', 'ec2:DescribeInstances'],
    ['list agents', 'ssm:DescribeInstanceInformation'],
  ])('the role may not %s', async (_what, action) => {
    await deny(world.iam, 'e2e-prod-nodes', [action], ['*']);
    const report = await web().finally(() => world.allow('e2e-prod-nodes'));
    expect([report.verdict, report.findings]).toEqual(['unknown', []]);
    expect(report.reason).toContain(action.split(':')[1] ?? '-');
  });

  it('SSM is busy for a moment', async () => {
    await world.sandbox.nodes.throttle('SendCommand', 2);
    expectInSync(await web());
  });
});

it('no secret in anything that is stored, logged, measured, sent or shown, nor left on a node', async () => {
  const report = await world.check('prod/secret', 120);
  expect(report.findings.map(({ subject }) => subject)).toEqual([
    'secret1: password',
    'secret1: harmless',
    'secret1: live',
  ]);
  const artefacts = new Map(await world.artefacts());
  const { Commands: commands = [] } = await new SSMClient(world.owner).send(new ListCommandsCommand({}));
  artefacts.set('what SSM keeps', JSON.stringify(commands));
  expect(artefacts.size).toBeGreaterThan(60);
  for (const [place, text] of artefacts) {
    for (const [what, value] of Object.entries(PLANTED)) {
      const shown = text.includes(value) || text.includes(JSON.stringify(value).slice(1, -1));
      expect(shown, `${what} in ${place}`).toBe(false);
    }
  }
  const node = world.node('secret1');
  expect(await node.shell(LEFT_OVERS)).toBe(before.get(node.name));
  expect([...artefacts.keys()].filter((key) => key.endsWith('bundle.tar.gz'))).toEqual([]);
});
