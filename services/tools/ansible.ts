import { tmpdir } from 'node:os';
import { runProcess } from '../process.ts';
import { ToolError } from './tool.ts';
import { which } from './which.ts';

/** The oldest ansible-core that our plugin is tested with. */
const OLDEST = [2, 12] as const;
const VERSION_LIMIT_MS = 30_000;

/** Where ansible-playbook is. @throws ToolError */
export async function findAnsible(path: string): Promise<string> {
  const file = await which('ansible-playbook', path);
  if (file !== null) return file;
  throw new ToolError(
    `ansible-playbook is not on the PATH: install ansible-core ${OLDEST.join('.')} or newer, such as with pipx install ansible-core`,
  );
}

/** Where it is, and of which ansible-core. @throws ToolError */
export async function askAnsible(
  env: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<{ readonly file: string; readonly version: string }> {
  const file = await findAnsible(env['PATH'] ?? '');
  return { file, version: await versionOfAnsible(file, env, signal) };
}

/** The version of ansible-core that this command is of. @throws ToolError when it does not run, or is too old */
export async function versionOfAnsible(
  file: string,
  env: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<string> {
  const { end, stdout } = await runProcess({
    file,
    args: ['--version'],
    cwd: '/',
    // Else it makes a folder in the person's home.
    env: { ...env, ANSIBLE_HOME: tmpdir(), ANSIBLE_LOCAL_TEMP: tmpdir(), LC_ALL: 'C.UTF-8' },
    timeoutMs: VERSION_LIMIT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
  const version = /^ansible-playbook (?:\[core )?([0-9][0-9A-Za-z.+-]{0,40})/m.exec(stdout.toString('utf8'))?.[1];
  if (end.kind !== 'exited' || end.exitCode !== 0 || version === undefined) {
    throw new ToolError(`${file} does not say its version: run "ansible-playbook --version" and mend what it says`);
  }
  checkAnsible(version);
  return version;
}

/** @throws ToolError when it is too old */
export function checkAnsible(version: string): void {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1])) return;
  throw new ToolError(`ansible-core ${version} is too old: install ${OLDEST.join('.')} or newer`);
}
