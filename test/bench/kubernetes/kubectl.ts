import { execFileSync, spawnSync } from 'node:child_process';

/** Whether there is a kubectl that runs. */
export const hasKubectl = (): boolean => spawnSync('kubectl', ['version', '--client']).status === 0;

/** CPU seconds that one kubectl took, whatever it said. */
export function cpuOfKubectl(kubeconfig: string, args: readonly string[]): number {
  const script = 'TIMEFORMAT="%U %S"; { time kubectl "$@" >/dev/null 2>&1; } 2>&1; true';
  const words = ['-c', script, 'bash', `--kubeconfig=${kubeconfig}`, ...args];
  const [user = 0, system = 0] = execFileSync('bash', words, { encoding: 'utf8', timeout: 600_000 })
    .trim()
    .split(' ')
    .map(Number);
  return user + system;
}

/** The plain LISTs, one process each. Pages would only cost it more. */
export const cpuOfLists = (kubeconfig: string, paths: readonly string[]): number =>
  paths.reduce((sum, path) => sum + cpuOfKubectl(kubeconfig, ['get', '--raw', `${path}?limit=500`]), 0);
