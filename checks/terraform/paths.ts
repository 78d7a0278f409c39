import { readFile, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import * as z from 'zod';

const modulesSchema = z.object({ Modules: z.array(z.object({ Dir: z.string() })) });

/**
 * Folders of all modules that a root module calls, as init has listed them in its data folder; null: the list cannot be
 * read. Absolute, without links.
 */
export async function localModules(data: string, cwd: string): Promise<readonly string[] | null> {
  const text = await readFile(join(data, 'modules/modules.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    // Without a module init writes no list.
    if (error.code === 'ENOENT') return '{"Modules":[]}';
    throw error;
  });
  const parsed = modulesSchema.safeParse(jsonOf(text));
  if (!parsed.success) return null;
  const folders = parsed.data.Modules.map(({ Dir }) => resolve(cwd, Dir));
  return Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Those of the paths that lie in the repository, from its root; modules from elsewhere lie in the data folder. */
export function pathsBelow(root: string, paths: readonly string[]): readonly string[] {
  return paths
    .map((path) => relative(root, resolve(root, path)) || '.')
    .filter((path) => path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path));
}
