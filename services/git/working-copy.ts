import { runProcess } from '../process.ts';

const LIMIT_MS = 30_000;

/** What git says about a folder that somebody works in. */
export interface WorkingCopy {
  /** The repository's top folder. */
  readonly top: string;
  /** HEAD; null in a repository without commits. */
  readonly commit: string | null;
}

/** Null when the folder is in no git repository, or git is not there. */
export async function findWorkingCopy(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<WorkingCopy | null> {
  const top = await ask(['rev-parse', '--show-toplevel'], folder, env);
  if (top === null || top === '') return null;
  const commit = await ask(['rev-parse', '--verify', '--quiet', 'HEAD'], folder, env);
  return { top, commit: commit !== null && /^[0-9a-f]{40,64}$/.test(commit) ? commit : null };
}

/** Whether anything in the folder is not as HEAD has it; files that git ignores do not count. */
export async function hasLocalChanges(folder: string, env: Readonly<Record<string, string>>): Promise<boolean> {
  const status = await ask(['status', '--porcelain', '--untracked-files=normal', '--', '.'], folder, env);
  return status === null || status !== '';
}

/** Where a repository is cloned from, and the branch that its host calls the main one, or else the current one. */
export async function findRemote(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly url: string | null; readonly ref: string }> {
  const url = await ask(['remote', 'get-url', 'origin'], folder, env);
  const head = await ask(['symbolic-ref', '--short', 'refs/remotes/origin/HEAD'], folder, env);
  const current = await ask(['branch', '--show-current'], folder, env);
  return { url: url === null ? null : httpsAddress(url), ref: head?.replace(/^origin\//, '') || current || 'main' };
}

/** A remote's address over https, without user or password; null for one that has none. */
export function httpsAddress(remote: string): string | null {
  const short = /^(?:[^@/\s]+@)?([A-Za-z0-9.-]+):(?!\/)(\S+)$/.exec(remote);
  if (short !== null) return `https://${short[1]}/${short[2]}`;
  if (!URL.canParse(remote)) return null;
  const { protocol, hostname, port, pathname } = new URL(remote);
  if (!/^(https|ssh|git|git\+ssh):$/.test(protocol) || hostname === '') return null;
  const host = protocol === 'https:' && port !== '' ? `${hostname}:${port}` : hostname;
  return pathname.includes('@') ? null : `https://${host}${pathname}`;
}

async function ask(
  args: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<string | null> {
  const { end, stdout } = await runProcess({
    file: 'git',
    args: ['-c', 'core.fsmonitor=false', ...args],
    cwd: folder,
    env: { ...env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' },
    timeoutMs: LIMIT_MS,
  });
  return end.kind === 'exited' && end.exitCode === 0 ? stdout.toString('utf8').trim() : null;
}
