import fc from 'fast-check';
import { expect, it } from 'vitest';
import { differingFiles, type List } from '#services/git/trees.ts';

/** Files by path, with their contents; a path never lies below another. */
type Files = Readonly<Record<string, string>>;

const NAMES = ['a', 'b', 'c'];
const files = fc
  .dictionary(
    fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
    fc.constantFrom('1', '2'),
  )
  .map((all): Files => {
    const paths = Object.keys(all);
    const isFree = (path: string) => !paths.some((other) => path.startsWith(`${other}/`));
    return Object.fromEntries(Object.entries(all).filter(([path]) => isFree(path)));
  });

/** Git's trees of both commits, whose ids stand for their content. */
function trees(commits: Readonly<Record<string, Files>>, listed: string[]): List {
  return async ({ commit, path }) => {
    listed.push(`${commit}:${path}`);
    const below = Object.entries(commits[commit] ?? {}).flatMap(([file, text]) => {
      if (path === '') return [[file, text] as const];
      return file.startsWith(`${path}/`) ? [[file.slice(path.length + 1), text] as const] : [];
    });
    const names = [...new Set(below.map(([file]) => file.split('/')[0] ?? ''))];
    return names.map((name) => {
      const own = below.filter(([file]) => file === name || file.startsWith(`${name}/`));
      const isFolder = own.every(([file]) => file !== name);
      return { name, isFolder, mode: isFolder ? '040000' : '100644', id: JSON.stringify(own.sort()) };
    });
  };
}

it('tells what differs between any two commits, as a comparison of all their files does', async () => {
  let differed = 0;
  await fc.assert(
    fc.asyncProperty(files, files, async (before, after) => {
      const wanted = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
        (path) => before[path] !== after[path],
      );
      const listed: string[] = [];
      const found = await differingFiles('before', 'after', trees({ before, after }, listed));
      expect([...found].sort()).toEqual(wanted.sort());
      expect(new Set(listed).size, 'no folder is asked for twice').toBe(listed.length);
      differed += wanted.length > 0 ? 1 : 0;
    }),
    { numRuns: 500 },
  );
  expect(differed).toBeGreaterThan(300);
});

it('of a commit and itself asks for nothing', async () => {
  const listed: string[] = [];
  expect(await differingFiles('one', 'one', trees({}, listed))).toEqual([]);
  expect(listed).toEqual([]);
});
