import { describe, expect, it } from 'vitest';
import { parseConfig } from '#drift/config/parse.ts';
import { OutputMissing, outputReferences, usedTargets, withOutputs, withOutputsIn } from '#drift/outputs.ts';
import { createRedactor } from '#drift/redact.ts';
import { shareableOutputs } from '#drift/terraform/outputs.ts';

const known = (target: string, name: string): string | null =>
  target === 'prod/net.v2' ? ({ cidrs: '["10.0.0.0/8"]', name: '"main $& $1"' }[name] ?? null) : null;

describe('outputs of other targets', () => {
  it.each([
    ['plain', 'plain'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the config's own language
    ['${output:prod/net.v2.cidrs}', ['10.0.0.0/8']],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as above
    ['${output:prod/net.v2.name}', 'main $& $1'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as above
    ['a-${output:prod/net.v2.name}-${output:prod/net.v2.cidrs}', 'a-main $& $1-["10.0.0.0/8"]'],
  ])('%s', (text, expected) => expect(withOutputs(text, known)).toEqual(expected));

  it('stand at any depth, and other values stay what they are', () => {
    const reference = '${'.concat('output:prod/net.v2.cidrs}');
    const values = { a: [{ b: reference }, 3, null, true], c: `x ${reference}`, [reference]: 'a key is none' };
    expect(withOutputsIn(values, known)).toEqual({
      ...values,
      a: [{ b: ['10.0.0.0/8'] }, 3, null, true],
      c: 'x ["10.0.0.0/8"]',
    });
    expect([...usedTargets(values)]).toEqual(['prod/net.v2']);
  });

  it('that are not known are said, with where they come from', () => {
    const text = '${'.concat('output:prod/net.v2.other}');
    expect(() => withOutputs(text, known)).toThrow(OutputMissing);
    expect(() => withOutputs(text, known)).toThrow(/prod\/net\.v2 has to be checked by the service first/);
  });

  it.each(['x', 'prod/net', 'prod/net.', '.name', 'a/b/c.name', 'prod/net.1x'])('"%s" names none', (inside) => {
    expect(outputReferences('${'.concat(`output:${inside}}`))).toMatchObject([{ target: null }]);
  });
});

describe('outputs that a target gives', () => {
  it('are kept as JSON, without what is sensitive elsewhere', () => {
    const redact = createRedactor(['hunter2-secret']);
    const { outputs, notes } = shareableOutputs({ a: [1], b: 'x hunter2-secret', c: { d: null } }, redact);
    expect(outputs).toEqual({ a: '[1]', c: '{"d":null}' });
    expect(notes).toMatchObject([{ kind: 'output-not-kept', subject: 'output.b' }]);
    expect(JSON.stringify(notes)).not.toContain('hunter2');
  });

  it('are bounded in size and count', () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`o${index}`, index]));
    expect(Object.keys(shareableOutputs(many, (text) => text).outputs)).toHaveLength(100);
    const { outputs, notes } = shareableOutputs({ large: 'x'.repeat(20_000), small: 1 }, (text) => text);
    expect([Object.keys(outputs), notes.length]).toEqual([['small'], 1]);
  });
});

describe('a config that uses outputs', () => {
  const config = (value: string): string =>
    JSON.stringify({
      version: 1,
      sources: { s: { url: 'https://git.example/s.git' } },
      environments: { prod: { account: '111111111111', region: 'eu-west-1', role: 'r' } },
      targets: {
        network: { in: ['prod'], source: 's', terraform: { path: 'network' } },
        nodes: { in: ['prod'], source: 's', terraform: { path: 'nodes', vars: { cidrs: value } } },
      },
      notify: { warning: { email: ['a@example.com'] } },
    });
  const parse = (value: string) => parseConfig(config('${'.concat(value)), 'plumbline.yaml', null);
  const errors = (value: string): string => {
    const parsed = parse(value);
    return parsed.ok ? '' : parsed.errors.map(({ path, message }) => `${path}: ${message}`).join('\n');
  };

  it('may name the environment by its placeholder', () => {
    const parsed = parse('output:${'.concat('environment}/network.cidrs}'));
    const nodes = parsed.ok ? parsed.config.targets.find(({ name }) => name === 'prod/nodes') : null;
    expect(nodes).toMatchObject({ terraform: { vars: { cidrs: '${'.concat('output:prod/network.cidrs}') } } });
  });

  it.each([
    ['output:prod/netwrk.cidrs}', /targets\.nodes\.terraform\.vars\.cidrs: .*did you mean "prod\/network"/],
    ['output:prod/nodes.cidrs}', /is an output of the target itself/],
    ['output:cidrs}', /names no output: write <environment>\/<target>\.<output>/],
  ])('%s is refused', (value, message) => expect(errors(value)).toMatch(message));
});
