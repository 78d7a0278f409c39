import { GitError } from '../ports.ts';
import { FETCH, Git, type GitRequest, isOk } from './tool.ts';

/** More files than this tell no cause. */
const MAX_CHANGED = 10_000;
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The files that differ between an older commit and the one that was cloned (`cloneCommit`), from the root of the
 * repository; the one that was renamed under both its names.
 * @throws GitError with one sentence that holds no credential
 */
export async function changedFiles(request: GitRequest, since: string): Promise<readonly string[]> {
  if (!/^[0-9a-f]{40}$/.test(since)) throw new GitError(`"${since}" is no commit id`);
  if (since === request.commit) return [];
  const git = new Git(request, Date.now() + request.timeoutMs);
  // A host that does not serve single commits has sent the whole history already.
  if (!isOk(await git.try(['cat-file', '-e', `${since}^{commit}`]))) {
    const fetched = await git.try([...FETCH, '--depth=1', request.url, since]);
    if (!isOk(fetched)) throw git.explain(fetched, 'fetched');
  }
  const diff = await git.try(['diff-tree', '-r', '-z', '--name-only', '--no-renames', since, request.commit], {
    stdout: { keep: 'all', maxBytes: MAX_BYTES },
  });
  const files = diff.stdout.toString('utf8').split('\0').slice(0, -1);
  if (diff.end.kind === 'too much output' || files.length > MAX_CHANGED) {
    throw new GitError(`more than ${MAX_CHANGED} files changed since ${since}`);
  }
  if (!isOk(diff)) throw git.explain(diff, 'compared');
  return files;
}
