import { mkdir } from 'node:fs/promises';
import { GitError } from '../ports.ts';
import { FETCH, Git, type GitRequest, isOk } from './tool.ts';

/**
 * Puts the files of one commit into a folder.
 * @throws GitError with one sentence that holds no credential
 */
export async function cloneCommit(request: GitRequest): Promise<void> {
  if (!/^https:\/\/[^@\s]+$/.test(request.url))
    throw new GitError(`${request.url}: only https:// without user is read`);
  if (!/^[0-9a-f]{40}$/.test(request.commit)) throw new GitError(`"${request.commit}" is no commit id`);
  if (!/^[A-Za-z0-9][A-Za-z0-9._/+@-]*$/.test(request.ref)) throw new GitError(`"${request.ref}" is no ref`);
  await mkdir(request.folder, { recursive: true });
  const git = new Git(request, Date.now() + request.timeoutMs);
  await git.run(['init', '--quiet', '--template=']);
  const single = await git.try([...FETCH, '--depth=1', request.url, request.commit]);
  if (!isOk(single)) {
    git.refuseIfOver(single);
    // Not every host serves single commits; the whole history of the ref holds it.
    const whole = await git.try([...FETCH, request.url, request.ref]);
    if (!isOk(whole)) throw git.explain(whole, 'fetched');
    if (!isOk(await git.try(['cat-file', '-e', `${request.commit}^{commit}`]))) {
      throw new GitError(`${request.url} has no commit ${request.commit} on ${request.ref}: was it rewritten?`);
    }
  }
  await git.checkSize();
  await git.run(['checkout', '--quiet', '--force', '--detach', request.commit]);
}
