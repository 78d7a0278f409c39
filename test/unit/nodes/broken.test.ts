import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readStream } from '#drift/nodes/stream.ts';
import { judgeText, recorded } from './recorded.ts';

/** Streams that are in sync, or drifted, as long as nothing is done to them. */
const WHOLE = [
  'structure-two-plays-two-groups',
  'systemd-kubelet-dropin-clean',
  'includes-in-loops',
  'handlers-flushed',
];
const textOf = (name: string): string => recorded('2.12.10', name).text;
const linesOf = (text: string): readonly string[] => text.split('\n').slice(0, -1);
const joined = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

describe.each(WHOLE)('%s', (name) => {
  const text = textOf(name);
  const lines = linesOf(text);

  it('is complete as it is', () => {
    expect(readStream(text).problem).toBeNull();
    expect(judgeText(text, 0).verdict).not.toBe('unknown');
  });

  it('is unknown when it is cut anywhere', () => {
    for (let at = 0; at < text.length; at += 1)
      expect(judgeText(text.slice(0, at), 0).verdict, `at ${at}`).toBe('unknown');
  });

  it('is unknown without any one of its lines', () => {
    for (const index of lines.keys()) expect(judgeText(joined(lines.toSpliced(index, 1)), 0).verdict).toBe('unknown');
  });

  it('is unknown in any other order, and with any line twice', () => {
    const index = fc.integer({ min: 0, max: lines.length - 1 });
    fc.assert(
      fc.property(index, index, (from, to) => {
        const line = lines[from] ?? '';
        if (from !== to)
          expect(judgeText(joined(lines.toSpliced(from, 1).toSpliced(to, 0, line)), 0).verdict).toBe('unknown');
        expect(judgeText(joined(lines.toSpliced(to, 0, line)), 0).verdict).toBe('unknown');
      }),
    );
  });

  it('is unknown with anything that is not ours in between', () => {
    const junk = fc.oneof(
      fc.string(),
      fc.constantFrom('{}', 'null', '[]', '\u001b[2J', '{"seq":3,"event":"end","stats":{}}'),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: lines.length }), junk, (at, line) => {
        expect(judgeText(joined(lines.toSpliced(at, 0, line)), 0).verdict).toBe('unknown');
      }),
    );
  });

  it('is unknown when any byte of it is another', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: text.length - 1 }),
        fc.constantFrom('x', '"', '\\', '\n', '}', 'é'),
        (at, other) => {
          const changed = text.slice(0, at) + other + text.slice(at + 1);
          const { verdict } = judgeText(changed, 0);
          // Within a name another character makes another name: what is judged is as complete as before.
          if (readStream(changed).problem !== null) expect(verdict).toBe('unknown');
        },
      ),
    );
  });

  it('is unknown when a result is taken out and the rest is numbered again', () => {
    for (const [index, line] of lines.entries()) {
      if (!line.includes('"event": "task"') || line.includes('include') || line.includes('"meta"')) continue;
      const rest = lines.toSpliced(index, 1).map((other, seq) => JSON.stringify({ ...JSON.parse(other), seq }));
      expect(judgeText(joined(rest), 0).verdict, line).toBe('unknown');
    }
  });
});

it.each<[string, (text: string) => string, RegExp]>([
  ['nothing', () => '', /wrote no event/],
  [
    'a line of nine megabytes',
    (text) => `${text}{"seq": 1, "x": "${'a'.repeat(9 * 1024 * 1024)}"}\n`,
    /too long to be one of ours/,
  ],
  ['lines after the end', (text) => `${text}${text}`, /out of place|has the number 0/],
  [
    'another version of the format',
    (text) => text.replace('plumbline.nodes/1', 'plumbline.nodes/2'),
    /line 1 .* not one of ours/,
  ],
  [
    'a field that is not ours',
    (text) => text.replace('"event": "end"', '"event": "end", "fine": true'),
    /not one of ours/,
  ],
  ['no check mode', (text) => text.replace('"check": true', '"check": false'), /check mode was off/],
])('%s: unknown, and said', (_, change, reason) => {
  const { verdict, reason: said, nodes } = judgeText(change(textOf('systemd-kubelet-dropin-clean')), 0);
  expect(verdict).toBe('unknown');
  expect(`${said} ${nodes.map((node) => node.reason).join(' ')}`).toMatch(reason);
});
