import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { offlineReport } from '#cli/commands/offline.ts';
import { reportText } from '#cli/output/report-text.ts';
import { judgeLooks, judgeNodes, lookAtStream, type NodesEvidence } from '#drift/nodes/judge.ts';
import { applyRules } from '#drift/rules/apply.ts';
import { NO_RULES } from '#drift/rules/rule.ts';
import { CONTEXT, judgeText, recorded } from './recorded.ts';

const textOf = (name: string): string => recorded('2.12.10', name).text;
const stream = (node: string, name: string, exitCode = 0) => ({ name: node, node, text: textOf(name), exitCode });
const judge = (evidence: NodesEvidence) => judgeNodes(evidence, CONTEXT);

const CLEAN = 'systemd-kubelet-dropin-clean';
const EDITED = 'systemd-kubelet-dropin-edited';

describe('many streams, one report', () => {
  const nodes = ['i-1', 'i-2', 'i-3', 'i-4', 'i-5'].map((node) => stream(node, CLEAN));

  it('counts every node, and a finding says on how many it is', () => {
    const { verdict, findings, coverage, notes } = judge({ streams: [...nodes, stream('i-6', EDITED)] });
    expect(verdict).toBe('drifted');
    expect(coverage).toMatchObject({ compared: 12, total: 12 });
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({
      subject: 'i-6: kubelet drop-in',
      path: expect.stringMatching(/10-cluster\.conf$/),
      change: 'changed',
      action: 'update',
      actionReason: 'on 1 of 6 nodes',
      live: expect.stringContaining('--max-pods=250'),
      declared: expect.stringContaining('--max-pods=110'),
      cause: 'unclear',
    });
    expect(notes).toContainEqual({ kind: 'nodes', text: '6 nodes: 5 in-sync, 1 drifted' });
  });

  it('says of a play that it matched no node only if it did so everywhere', () => {
    const without = stream('i-1', 'green-no-hosts-matched');
    const plays = (streams: NodesEvidence['streams']) =>
      judge({ streams }).notes.flatMap(({ kind, text }) => (kind === 'no-hosts' ? [text] : []));
    expect(plays([without, { ...without, node: 'i-2' }])).toEqual([expect.stringMatching(/matched no node$/)]);
    expect(plays([without, stream('i-2', CLEAN)])).toEqual([]);
  });

  it('a node that only plays for localhost ran on was not compared with what is meant for it', () => {
    const { text } = stream('i-1', 'structure-two-plays-two-groups');
    const local = { ...stream('i-1', CLEAN), text: text.replaceAll(/"[mw]1"/g, '"localhost"') };
    expect(judge({ streams: [local] })).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringMatching(/^i-1: no play matched this node, but one for localhost/),
    });
    expect(judge({ streams: [{ ...local, text }] }).reason).not.toMatch(/no play matched/);
  });

  it('an inventory of which nobody was looked at, but for the machine that Ansible runs on, is not in sync', () => {
    const { text } = stream('', 'structure-two-plays-two-groups');
    const judged = (host: string, inventory: readonly string[] | null) =>
      judge({
        streams: [
          {
            ...{ name: 'events', node: null, text: text.replaceAll(/"[mw]1"/g, `"${host}"`), exitCode: 0 },
            inventory: inventory === null ? null : new Set(inventory),
          },
        ],
      });
    for (const host of ['localhost', '127.0.0.1', '::1']) {
      for (const inventory of [['w1', 'w2'], ['localhost.localdomain'], [], null]) {
        expect(judged(host, inventory)).toMatchObject({
          verdict: 'unknown',
          reason: expect.stringMatching(/^\S+: no play matched a host of the inventory, but one for localhost/),
        });
      }
      expect(judged(host, [host]).reason).not.toMatch(/no play matched/);
    }
    expect(judged('w1', null).reason).not.toMatch(/no play matched/);
  });

  it('hosts of the inventory that no play is for are named, where a play matched nobody', () => {
    const notes = (name: string, inventory: readonly string[]) => {
      const { notes: all, verdict } = judge({
        streams: [{ name, node: null, text: textOf(name), exitCode: 0, inventory: new Set(inventory) }],
      });
      return [verdict, ...all.flatMap(({ kind, text }) => (kind === 'unlooked-at' ? [text] : []))];
    };
    const other = Array.from({ length: 30 }, (_, index) => `g${index}`);
    expect(notes('structure-two-plays-two-groups', ['m1', 'w1'])).toEqual(['in-sync']);
    expect(notes('structure-two-plays-two-groups', ['m1', 'w1', 'w2'])).toEqual([
      'in-sync',
      'no play is for w2: mend hosts of the play that matched no node',
    ]);
    expect(notes('structure-two-plays-two-groups', ['m1', 'w1', ...other])[1]).toMatch(
      /^no play is for g0, .*g19 and 10 more:/,
    );
    expect(notes('structure-role-with-defaults', ['other'])).toEqual(['in-sync']);
  });

  it('a folder that a run left on its node is told, whatever it found', () => {
    for (const [name, exitCode] of [
      [CLEAN, 0],
      ['broken-fails-only-in-check-mode', 2],
    ] as const) {
      const { notes } = judge({
        streams: [{ ...stream('i-1', name, exitCode), left: '/var/tmp/x' }, stream('i-2', CLEAN)],
      });
      expect(notes).toContainEqual({
        kind: 'left',
        subject: 'i-1',
        text: 'a folder of the run is left on the node: remove /var/tmp/x',
      });
    }
    expect(judge({ streams: nodes }).notes.map(({ kind }) => kind)).not.toContain('left');
  });

  it('does not call a node unknown for a task that a rule may accept', () => {
    const streams = ['i-1', 'i-2'].map((node) => stream(node, 'green-one-command-among-many'));
    expect(judge({ streams }).notes).toContainEqual({ kind: 'nodes', text: '2 nodes: 2 not fully verified' });
  });

  it('a node that sent nothing, or was not reached, keeps the rest from being in sync', () => {
    const empty = { name: 'i-9', node: 'i-9', text: '', exitCode: null };
    const silent = judge({ streams: [...nodes, empty] });
    expect([silent.verdict, silent.reason]).toEqual(['unknown', expect.stringContaining('10 of 11 compared')]);
    expect(silent.coverage.uncovered).toEqual([
      { subject: 'i-9', kind: 'unreached', reason: expect.stringMatching(/^incomplete: .*wrote no event/) },
    ]);
    const offline = judge({ streams: nodes, unreached: [{ node: 'i-9', reason: 'offline since 08:00' }] });
    expect(offline.verdict).toBe('unknown');
    expect(judge({ streams: nodes }).verdict).toBe('in-sync');
  });

  it('two streams of one node: neither is believed', () => {
    const { verdict, nodes: found } = judge({ streams: [stream('i-1', CLEAN), stream('i-1', CLEAN)] });
    expect(verdict).toBe('unknown');
    expect(found).toMatchObject([
      { node: 'i-1', verdict: 'unknown', reason: 'incomplete: two streams speak of this node' },
    ]);
  });

  it('a check that failed is unknown, and shows what it had found', () => {
    const { verdict, reason, findings, unconfirmed } = judge({
      streams: [stream('i-6', EDITED)],
      failure: 'the build was stopped',
    });
    expect([verdict, reason]).toEqual(['unknown', 'the build was stopped']);
    expect([findings.length, unconfirmed.length]).toEqual([0, 1]);
  });

  it('nothing at all is unknown', () => {
    expect(judge({ streams: [] })).toMatchObject({ verdict: 'unknown', reason: 'there is no node to look at' });
  });

  it('findings of a node that ended badly are unconfirmed, beside those of a node that did not', () => {
    const bad = stream('i-7', 'broken-fails-only-in-check-mode', 2);
    const { verdict, findings, unconfirmed } = judge({ streams: [stream('i-6', EDITED), bad] });
    expect(verdict).toBe('drifted');
    expect(findings.map(({ subject }) => subject)).toEqual(['i-6: kubelet drop-in']);
    expect(unconfirmed.map(({ subject }) => subject)).toEqual(['i-7: application directory']);
  });

  it('tells the cause by what git changed', () => {
    const cause = (changed: readonly string[]) =>
      judge({ streams: [stream('i-6', EDITED)], changed }).findings[0]?.cause;
    expect(cause([])).toBe('out-of-band');
    expect(cause(['site.yml'])).toBe('pending');
  });
});

describe('findings', () => {
  it('say what ran for real', () => {
    const { findings, notes } = judgeText(textOf('writes-copy-with-check-mode-false'), 0);
    expect(findings[0]).toMatchObject({ action: 'executed', actionReason: 'it ran for real: check_mode: false' });
    expect(notes).toContainEqual(expect.objectContaining({ kind: 'executed', subject: 'sudoers (site.yml:5)' }));
  });

  it('say that no_log hides them', () => {
    const [finding] = judgeText(textOf('secret-no-log-copy'), 0).findings;
    expect(finding).toMatchObject({ actionReason: 'no_log hides the rest' });
    expect(finding).not.toHaveProperty('declared');
    expect(finding).not.toHaveProperty('live');
  });

  it('are bounded, and say what was cut', () => {
    const [finding] = judgeText(textOf('size-huge-diff'), 0).findings;
    expect(finding?.live).toMatch(/… \(cut, \d{5,} characters\)$/);
    expect(finding?.live?.length).toBeLessThan(1100);
  });

  it('a missing file is declared and not live', () => {
    const [finding] = judgeText(textOf('systemd-kubelet-dropin-missing'), 0).findings;
    expect(finding).toMatchObject({
      change: 'removed',
      action: 'create',
      declared: expect.stringContaining('max-pods'),
    });
    expect(finding).not.toHaveProperty('live');
  });

  it('have another value hash with another live value only', () => {
    const hash = (from: string, to: string) => judgeText(textOf(EDITED).replaceAll(from, to), 0).findings[0];
    expect(hash('max-pods=250', 'max-pods=251')?.valueHash).not.toBe(hash('', '')?.valueHash);
    expect(hash('max-pods=250', 'max-pods=251')?.fingerprint).toBe(hash('', '')?.fingerprint);
    expect(hash('max-pods=110', 'max-pods=111')?.valueHash).toBe(hash('', '')?.valueHash);
  });

  it('tell two tasks of one name that touch one file apart by where they stand', () => {
    const text = textOf('names-duplicate-both-differ').replaceAll('$ROOT/q', '$ROOT/p');
    const { findings } = judgeText(text, 0);
    expect(findings.map(({ path }) => path)).toEqual(['(site.yml:5) $ROOT/p', '(site.yml:7) $ROOT/p']);
  });
});

it('what a node says cannot draw on a terminal', () => {
  const evil = String.raw`\u001b[2J\u202e{\"seq\": 99}\n{\"event\": \"end\"}`;
  const judgement = judgeText(
    textOf(EDITED).replaceAll('kubelet drop-in"', `${evil}"`).replaceAll('max-pods=250', evil),
    0,
  );
  const report = offlineReport({ target: CONTEXT.target, layer: 'nodes', seed: [], tool: null, judgement });
  expect(report.verdict).toBe('drifted');
  const shown = reportText(report, picocolors.createColors(false));
  expect(shown).toContain(String.raw`\u001b[2J\u202e`);
  for (const character of ['\u001b', '\u202e']) expect(shown).not.toContain(character);
});

describe('notes', () => {
  it.each([
    [
      'green-when-on-check-skipped-register',
      { kind: 'skipped', text: expect.stringMatching(/uses mods, which check mode/) },
    ],
    ['structure-two-plays-two-groups', { kind: 'no-hosts', text: 'the play "gateways" matched no node' }],
    ['handlers-flushed', { kind: 'handler', subject: 'h (site.yml:11)' }],
    ['secret-no-log-skipped-by-when', { kind: 'skipped', text: expect.stringMatching(/no_log hides the reason/) }],
    ['end-host-in-the-middle', { kind: 'ended', text: expect.stringMatching(/end_host/) }],
  ])('%s', (name, note) => {
    expect(judgeText(textOf(name), 0).notes).toContainEqual(expect.objectContaining(note));
  });
});

describe('an old core', () => {
  it('without its exit code cannot say that a role was there', () => {
    const text = textOf('broken-role-missing-late');
    expect(judgeText(text, 2).reason).toMatch(/ended with 2, and no task says why/);
    expect(judgeText(text).reason).toMatch(/tells by its exit code only whether a role was there/);
  });
});

describe('streams that are read one after the other', () => {
  it('are judged as all at once', () => {
    const streams = [stream('i-1', CLEAN), stream('i-2', EDITED), stream('i-3', 'green-one-command-among-many')];
    const looks = streams.map((source) => lookAtStream(source, { fingerprintKey: 'key', nodes: 3 }));
    expect(judgeLooks({ looks }, CONTEXT)).toEqual(judge({ streams }));
  });

  it('of very many each shows less, and is known by the same fingerprints', () => {
    const of = (nodes: number) =>
      judgeLooks({ looks: [lookAtStream(stream('i-1', EDITED), { fingerprintKey: 'key', nodes })] }, CONTEXT).findings;
    const [whole, bare] = [of(1), of(1_000_000)];
    expect(whole[0]?.live).toContain('--max-pods=250');
    expect(bare[0]).toMatchObject({ fingerprint: whole[0]?.fingerprint, valueHash: whole[0]?.valueHash });
    expect(bare[0]).not.toHaveProperty('live');
    expect(bare[0]?.actionReason).toMatch(/values are not shown/);
  });

  it('a node where thousands differ is drifted, and all of them are counted', () => {
    const text = textOf('size-loop-2000-items');
    const changed = text.replaceAll('"status": "ok"', '"status": "changed"');
    const { verdict, reason, findings, unlisted } = judge({ streams: [{ ...stream('i-1', CLEAN), text: changed }] });
    expect([verdict, findings.length, unlisted > 900]).toEqual(['drifted', 1000, true]);
    expect(reason).toBe(`${1000 + unlisted} findings`);
  });
});

it('what ansible-playbook said of its end stands in the reason', () => {
  const hint = 'the collection ansible.posix is not there';
  const source = { name: 'i-1', node: 'i-1', text: '', exitCode: 4, hint };
  expect(judge({ streams: [source] }).reason).toContain(`(ansible-playbook ended with 4: ${hint})`);
});

describe('accept rules', () => {
  const text = textOf('green-one-command-among-many');
  const judged = (subject: string, of = text) => {
    const judgement = judgeText(of, 0);
    const report = offlineReport({ target: CONTEXT.target, layer: 'nodes', seed: [], tool: null, judgement });
    const accept = [{ target: '*', subject, reason: 'known' }];
    return applyRules(
      report,
      { name: CONTEXT.target, minCoverage: 1 },
      { rules: { ...NO_RULES, accept }, bindings: null, now: new Date(0) },
    );
  };

  it('take a known unverifiable task out of the total', () => {
    expect(judged('none').verdict).toBe('unknown');
    expect(judged('*: rebuild initramfs')).toMatchObject({ verdict: 'in-sync', coverage: { compared: 3, total: 3 } });
  });

  it('make nothing of a node where nothing was compared', () => {
    expect(judged('*', textOf('green-only-commands')).verdict).toBe('unknown');
    expect(judged('*', textOf('green-end-play-first')).verdict).toBe('unknown');
    expect(judged('*', textOf('broken-syntax')).verdict).toBe('unknown');
  });
});
