import { above, plain } from '../paths.ts';
import type { Source, Target } from '../target.ts';
import type { Push } from './push.ts';

/** What a delivery asks for. */
export interface Decision {
  /** Targets that are to be looked at now. */
  readonly targets: readonly Target[];
  /** Those of them whose paths, by name, are to be compared with what git says: the push does not tell its files. */
  readonly unsure: ReadonlyMap<string, readonly string[]>;
  /** One sentence that says why these, or why none. */
  readonly sentence: string;
}

/** Paths that the last check of a target read, folders or files from the root of the repository; null: not known. */
export type PathsOf = (target: Target) => Promise<readonly string[] | null>;

/**
 * What a proven push asks for: the targets of the sources that its secret speaks for, whose ref it moved, and of whose
 * files it touched one. Whatever is not known counts as touched.
 * @param proven sources whose secret proves the delivery
 */
export async function decide(
  push: Push,
  proven: readonly Source[],
  targets: readonly Target[],
  pathsOf: PathsOf,
): Promise<Decision> {
  const named = proven.filter((source) => push.urls.some((url) => addressOf(url) === addressOf(source.url)));
  const none = (sentence: string): Decision => ({ targets: [], unsure: new Map(), sentence });
  if (named.length === 0) return none('the repository is not the one of the source whose secret this is');
  if (push.after === null) return none(`${push.ref} was deleted`);
  const moved = named.filter(({ ref }) => isRef(push.ref, ref));
  if (moved.length === 0) return none(`${push.ref} is no ref that a source looks at`);
  const all = targets.filter(({ source, enabled, retired }) => {
    return enabled && !retired && source !== undefined && moved.some(({ name }) => name === source.name);
  });
  const known = await Promise.all(all.map(async (target) => ({ target, paths: await pathsOf(target) })));
  const { files, before, mayBeForced } = push;
  const isOfThese = touching(files ?? []);
  const isTouched = (paths: readonly string[] | null): boolean => paths === null || isOfThese(paths);
  const touched = known.flatMap(({ target, paths }) => (isTouched(paths) ? [target] : []));
  const isTold = files !== null && !mayBeForced;
  const asked = isTold ? touched : all;
  if (asked.length === 0) return none(`none of ${all.length} targets is made of what was pushed`);
  // Of a ref that was made there is nothing to compare with.
  const unsure = known.flatMap(({ target, paths }) =>
    isTold || before === null || paths === null || isTouched(paths) ? [] : [[target.name, paths] as const],
  );
  const ifChanged = new Map(unsure);
  const sure = asked.filter(({ name }) => !ifChanged.has(name)).map(({ name }) => name);
  const parts = [
    ...(sure.length === 0 ? [] : [sure.join(', ')]),
    ...(unsure.length === 0 ? [] : [`${[...ifChanged.keys()].join(', ')}, ${IF_CHANGED}`]),
  ];
  return { targets: asked, unsure: ifChanged, sentence: `looks at ${parts.join('; and at ')}` };
}

const IF_CHANGED = 'unless git says that nothing of them was changed';

/**
 * Whether one of the files is, or lies below, one of the paths that something is made of; segment by segment, so that
 * `app` is not `apple`. A changed file that a path lies below is a link or a submodule, which stands for all of it.
 * The files are gone through once, however many targets there are: both may be thousands.
 */
export function touching(files: readonly string[]): (paths: readonly string[]) => boolean {
  const names = new Set(files);
  const folders = new Set(files.flatMap(above));
  const isTouched = (path: string): boolean =>
    path === '.' || names.has(path) || folders.has(path) || above(path).some((folder) => names.has(folder));
  return (paths) => files.length > 0 && paths.some((path) => isTouched(plain(path)));
}

/** A ref as a push names it is the one that a source names, which may be short. */
export function isRef(pushed: string, ref: string): boolean {
  return ref.startsWith('refs/') ? pushed === ref : pushed === `refs/heads/${ref}` || pushed === `refs/tags/${ref}`;
}

/** Host and path of a repository, however it is written: https, ssh, `git@host:path`, with or without `.git`. */
export function addressOf(url: string): string {
  const scp = /^[\w.-]+@([^:/\s]+):(?!\/)(.+)$/.exec(url);
  const [, host = '', path = ''] = scp ?? /^[a-z+]+:\/\/(?:[^@/]*@)?([^/?#]+)\/([^?#]*)/i.exec(url) ?? [];
  const bare = path.replace(/\/+$/, '').replace(/\.git$/i, '');
  return `${host.toLowerCase()}/${bare.toLowerCase()}`;
}
