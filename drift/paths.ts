import { posix } from 'node:path';

/** Paths of a target that are remembered; of more only the folders. */
export const MAX_PATHS = 500;

/**
 * What a target is made of, as few paths: none that lies below another. Null: they are too many to be remembered, and
 * the target counts as touched by everything.
 * @param paths folders and files from the root of the repository
 */
export function fewPaths(paths: Iterable<string>): readonly string[] | null {
  const all = topmost(paths);
  if (all.length <= MAX_PATHS) return all;
  const folders = topmost(all.map((path) => posix.dirname(path)));
  return folders.length <= MAX_PATHS ? folders : null;
}

/** Those of the paths that are none of the known ones, nor lie below one. */
export function pathsBeyond(known: readonly string[], paths: readonly string[]): readonly string[] {
  const all = new Set(known.map(plain));
  const isKnown = (path: string): boolean => all.has(path) || above(path).some((folder) => all.has(folder));
  return all.has('.') ? [] : paths.filter((path) => !isKnown(plain(path)));
}

function topmost(paths: Iterable<string>): readonly string[] {
  const all = new Set(Array.from(paths, plain));
  return all.has('.') ? ['.'] : [...all].filter((path) => !above(path).some((folder) => all.has(folder))).sort();
}

/** A path as git writes it; the root is `.`. */
export const plain = (path: string): string => posix.normalize(path).replace(/(?<=.)\/$/, '');

/** The folders that a path lies in, but for the root. */
export function above(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}
