import pLimit from 'p-limit';

/** One name in a folder of a commit. */
export interface TreeEntry {
  readonly name: string;
  /** Git's id of what it holds: the same id, the same content. */
  readonly id: string;
  /** `100755`: a file that was only made executable was changed too. */
  readonly mode: string;
  readonly isFolder: boolean;
}

/** A folder of a commit; `path` is empty for the root. */
export interface Folder {
  readonly commit: string;
  readonly path: string;
  /** Git's id of it; null: the root's is not known. */
  readonly id: string | null;
}

/** All names in a folder. @throws when it cannot tell all of them */
export type List = (folder: Folder) => Promise<readonly TreeEntry[]>;

/** Folders looked into side by side. */
const WIDTH = 8;

/**
 * The files that differ between two commits, exactly: as with `git diff-tree -r`, folders of the same id hold the same and
 * are not looked into. What was renamed is under both names.
 */
export async function differingFiles(before: string, after: string, list: List): Promise<readonly string[]> {
  const limit = pLimit(WIDTH);
  const listed = async (folder: Folder | null): Promise<ReadonlyMap<string, TreeEntry>> => {
    const entries = folder === null ? [] : await limit(() => list(folder));
    return new Map(entries.map((entry) => [entry.name, entry]));
  };
  const walk = async (path: string, old: Folder | null, now: Folder | null): Promise<readonly string[]> => {
    const [were, are] = await Promise.all([listed(old), listed(now)]);
    const differing = [...new Set([...were.keys(), ...are.keys()])].map(async (name): Promise<readonly string[]> => {
      const [was, is] = [were.get(name), are.get(name)];
      if (was?.id === is?.id && was?.mode === is?.mode) return [];
      const below = path === '' ? name : `${path}/${name}`;
      const folderOf = (commit: string, entry: TreeEntry | undefined): Folder | null =>
        entry?.isFolder === true ? { commit, path: below, id: entry.id } : null;
      const isFile = [was, is].some((entry) => entry?.isFolder === false);
      const folders = [folderOf(before, was), folderOf(after, is)] as const;
      const inside = folders.some((folder) => folder !== null) ? await walk(below, ...folders) : [];
      return isFile ? [below, ...inside] : inside;
    });
    return (await Promise.all(differing)).flat();
  };
  const root = (commit: string): Folder => ({ commit, path: '', id: null });
  return before === after ? [] : walk('', root(before), root(after));
}
