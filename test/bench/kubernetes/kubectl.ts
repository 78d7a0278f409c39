import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Whether there is a kubectl that runs. */
export const hasKubectl = (): boolean => spawnSync('kubectl', ['version', '--client']).status === 0;

/** CPU seconds that one kubectl took, whatever it said. @param into a file for what it says */
export function cpuOfKubectl(kubeconfig: string, args: readonly string[], into = '/dev/null'): number {
  const script = 'TIMEFORMAT="%U %S"; into="$1"; shift; { time kubectl "$@" >"$into" 2>/dev/null; } 2>&1; true';
  const words = ['-c', script, 'bash', into, `--kubeconfig=${kubeconfig}`, ...args];
  const [user = 0, system = 0] = execFileSync('bash', words, { encoding: 'utf8', timeout: 600_000 })
    .trim()
    .split(' ')
    .map(Number);
  return user + system;
}

/** CPU seconds of the plain paged LISTs, a process each. @param page a file to write to */
export function cpuOfLists(kubeconfig: string, paths: readonly string[], page: string): number {
  let cpu = 0;
  for (const path of paths) {
    for (let next: string | null = ''; next !== null; ) {
      const query = `limit=500${next === '' ? '' : `&continue=${next}`}`;
      cpu += cpuOfKubectl(kubeconfig, ['get', '--raw', `${path}?${query}`], page);
      const { metadata } = JSON.parse(readFileSync(page, 'utf8')) as {
        readonly metadata: { readonly continue?: string };
      };
      next = metadata.continue ?? null;
    }
  }
  return cpu;
}
