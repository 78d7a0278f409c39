import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globMatches, namesNothing } from '#drift/rules/glob.ts';

describe('a glob', () => {
  it.each<[string, string, boolean]>([
    ['prod/network', 'prod/network', true],
    ['prod/network', 'prod/network2', false],
    ['*/network', 'prod/network', true],
    ['*/network', 'prod/network/x', false],
    ['*', '', true],
    ['aws_x.*', 'aws_x.web["a.b/c"]', true],
    ['aws_x.web[*]', 'aws_x.web[0]', true],
    ['aws_x.web[0]', 'aws_x.web0', false],
    ['aws_?.web', 'aws_x.web', false],
    ['aws_x.{web,db}', 'aws_x.web', false],
    ['aws_X.web', 'aws_x.web', false],
    ['a\\*', 'a\\b', true],
    ['a\\*', 'a*', false],
    ['*a*b*', 'xaxbx', true],
    ['*a*b*', 'xbxax', false],
    ['ab*ba', 'aba', false],
    ['a**b', 'ab', true],
    ['*: check *', 'node 1: check\netcd', false],
    ['*: check*', 'node 1: check\netcd', true],
    ['', '', true],
    ['', 'x', false],
  ])('%j against %j: %j', (glob, text, expected) => expect(globMatches(glob, text)).toBe(expected));

  const piece = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.', '[', '\\'), maxLength: 8 });
  it('means what an expression made of it means', () => {
    const expression = (glob: string): RegExp =>
      new RegExp(`^${glob.replace(/[\\.[]/g, '\\$&').replaceAll('*', '[^]*')}$`);
    fc.assert(fc.property(piece, piece, (glob, text) => globMatches(glob, text) === expression(glob).test(text)));
  });

  it('is quick whatever it is given', () => {
    const started = performance.now();
    expect(globMatches(`${'*a'.repeat(400)}b`, 'a'.repeat(100_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it.each([
    ['*', true],
    ['**', true],
    ['', true],
    ['*.*', true],
    ['*/*/*', true],
    ['*: *', true],
    ['*.web', false],
    ['aws_*', false],
    ['*ü*', false],
  ])('%j names nothing: %j', (glob, expected) => expect(namesNothing(glob)).toBe(expected));
});
