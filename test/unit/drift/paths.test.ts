import { describe, expect, it } from 'vitest';
import { fewPaths, MAX_PATHS } from '#drift/paths.ts';

describe('what a target is made of', () => {
  it('is said in as few paths as there can be', () => {
    expect(fewPaths(['a/b/', 'a/b/c', 'a/bc', 'a/./b/d/e', 'x'])).toEqual(['a/b', 'a/bc', 'x']);
    expect(fewPaths(['a', '.', 'b'])).toEqual(['.']);
    expect(fewPaths([])).toEqual([]);
  });

  it('is said by folders where the files are many, and not at all where these are', () => {
    const many = Array.from({ length: MAX_PATHS + 1 }, (_, index) => index);
    expect(fewPaths(many.map((index) => `k8s/${index}.yaml`))).toEqual(['k8s']);
    expect(fewPaths(many.map((index) => `k8s/${index}/main.yaml`))).toBeNull();
  });
});
