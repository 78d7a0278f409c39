import { readdir, readFile, realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import * as z from 'zod';
import type { TerraformCheck } from '#drift/target.ts';
import { jsonOf } from '#services/json.ts';

const modulesSchema = z.object({ Modules: z.array(z.object({ Dir: z.string() })) });

/**
 * What a root module is made of, from the root of the repository: its folder, those of the modules that init has listed
 * in its data folder, its variable files, and what links of these lead to. Null: the list cannot be read.
 * @param root the repository @param cwd the module's folder, without links
 */
export async function modulePaths(
  root: string,
  { path, varFiles }: Pick<TerraformCheck, 'path' | 'varFiles'>,
  { cwd, data }: { readonly cwd: string; readonly data: string },
): Promise<readonly string[] | null> {
  const modules = await localModules(data, cwd);
  if (modules === null) return null;
  const folders = [join(root, path), cwd, ...modules.filter((folder) => isBelow(root, folder))];
  const links = await Promise.all(folders.map(linksIn));
  // One that is made beside the module takes the place of one that is named from the root.
  const files = varFiles.flatMap((file) => [join(root, path, file), join(root, file)]);
  const named = [...folders, ...files];
  const real = await Promise.all([...named, ...links.flat()].map((one) => realpath(one).catch(() => one)));
  const all = new Set([...named, ...real]);
  return [...all].filter((one) => isBelow(root, one)).map((one) => relative(root, one) || '.');
}

async function localModules(data: string, cwd: string): Promise<readonly string[] | null> {
  const text = await readFile(join(data, 'modules/modules.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    // Without a module init writes no list.
    if (error.code === 'ENOENT') return '{"Modules":[]}';
    throw error;
  });
  const parsed = modulesSchema.safeParse(jsonOf(text));
  return parsed.success ? parsed.data.Modules.map(({ Dir }) => resolve(cwd, Dir)) : null;
}

/** Terraform reads what is behind them: a file that several root modules share is often a link in each. */
async function linksIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isSymbolicLink()).map(({ parentPath, name }) => join(parentPath, name));
}

/** Modules from elsewhere lie in the data folder. */
function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
