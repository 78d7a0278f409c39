import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { again } from '#drift/page/again.ts';
import { COMMIT, report } from '../runs/world.ts';
import { HOSTILE } from './reports.ts';

test('the same target at the same commit', () => {
  const { commands, conditions } = again(report('r', { config: { hash: 'c', commit: 'd'.repeat(40) } }));
  expect(commands).toEqual([`git switch --detach ${COMMIT}`, 'plumbline check -c plumbline.yaml prod/network']);
  expect(conditions.join(' ')).toContain('d'.repeat(40));
  expect(conditions.join(' ')).toContain('terraform was 1.11.4');
});

test('a commit that is not known, or is none, is not gone to', () => {
  for (const checked of [null, '--upload-pack=x', HOSTILE]) {
    const { commands } = again(
      report('r', { commit: { checked, lastInSync: null }, config: { hash: 'c', commit: null } }),
    );
    expect(commands).toEqual(['plumbline check -c plumbline.yaml prod/network']);
  }
});

test('what no commit holds is said', () => {
  const local = { kind: 'commit', text: 'the working copy has local changes that no commit holds' };
  expect(again(report('r', { notes: [local] })).conditions.join(' ')).toContain(local.text);
});

test('saved evidence is judged again', () => {
  const saved = report('r', { commit: { checked: null, lastInSync: null } });
  expect(again(saved).commands).toEqual(['plumbline judge terraform --help']);
});

test.each([HOSTILE.replaceAll('\u0000', ''), "a'; touch /tmp/x; '$(id)`id`", '-c /etc/passwd', '*'])(
  'pasted into a shell, a target is one word: %j',
  (target) => {
    const command = again(report('r', { target })).commands.at(-1) ?? '';
    const script = `plumbline() { printf '%s\\n' "$#" "$4"; [ "$4" != -- ] || printf '%s' "$5"; }; ${command}`;
    const [count, fourth, fifth] = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\n');
    expect(count).toBe(target.startsWith('-') ? '5' : '4');
    const word = target.startsWith('-') ? fifth : fourth;
    expect(word?.slice(0, 10)).toBe(target.slice(0, 10));
  },
);
