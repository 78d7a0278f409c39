import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess } from '#services/process.ts';
import { NotReady } from '../not-ready.ts';
import { bounded, type CollectionsWorld, ofOurs, VENDOR, whyNot } from './bounded.ts';
import { GALAXY_REQUIREMENTS } from './galaxy-requirements.ts';

/** How `ansible-galaxy` is started. */
export interface Galaxy {
  readonly python: string;
  /** For PYTHONPATH. */
  readonly library: string;
}

const MINIMUM = [3, 11] as const;
const TRIAL_MS = 20_000;
const TELL_VERSION = 'import sys; print("%d.%d" % sys.version_info[:2])';

/** Ansible-core from PyPI, for a Python that the tool's user may run; made when it is missing. @throws NotReady */
export async function galaxyFor(world: CollectionsWorld): Promise<Galaxy> {
  const { python, version } = await findPython(world);
  const name = createHash('sha256').update(`${version}\n${GALAXY_REQUIREMENTS}`).digest('hex').slice(0, 12);
  const folder = join(world.ansibleCache, name);
  const library = join(folder, 'lib');
  const made = join(folder, 'made');
  if (existsSync(made)) return { python, library };
  world.say('installing ansible-core for ansible-galaxy');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const requirements = join(folder, 'requirements.txt');
  await writeFile(requirements, GALAXY_REQUIREMENTS);
  const result = await bounded([folder], world, {
    file: await findPip(python, world),
    // As they are, with the hashes that travel with this tool; nothing that is downloaded runs here.
    args: [
      ...['-m', 'pip', '--disable-pip-version-check', '--no-input', 'install', '--quiet', '--no-cache-dir'],
      ...['--require-hashes', '--no-deps', '--only-binary', ':all:', '--no-compile'],
      ...['--python-version', version, '--target', library, '-r', requirements],
    ],
    cwd: folder,
    env: { ...ofOurs(world.env, /^(PATH|HOME|SSL_CERT_FILE|SSL_CERT_DIR|PIP_.+)$/), LANG: 'C.UTF-8' },
  });
  if (result.end.kind !== 'exited' || result.end.exitCode !== 0) {
    throw new NotReady(`ansible-core could not be installed from PyPI: ${whyNot(result)}; try again, or ${VENDOR}`);
  }
  await writeFile(made, '');
  return { python, library };
}

/** The first one that the user may run: that of a build's image may lie in a folder of root's. */
async function findPython(world: CollectionsWorld): Promise<{ readonly python: string; readonly version: string }> {
  const folders = [...(world.env['PATH'] ?? '').split(':'), '/usr/bin', '/usr/local/bin'];
  const names = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11'];
  for (const python of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    if (!existsSync(python)) continue;
    const { end, stdout } = await runProcess({
      ...{ file: python, args: ['-I', '-c', TELL_VERSION], cwd: '/', env: {}, timeoutMs: TRIAL_MS },
      signal: world.signal,
      ...(world.user === undefined ? {} : { user: world.user }),
    });
    const version = stdout.toString('utf8').trim();
    if (end.kind === 'exited' && end.exitCode === 0 && isEnough(version)) return { python, version };
  }
  throw new NotReady(`no Python ${MINIMUM.join('.')} or newer that an unprivileged user may run was found: ${VENDOR}`);
}

function isEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}

/** A Python that has pip; it installs for the other one too. */
async function findPip(python: string, { env, signal }: CollectionsWorld): Promise<string> {
  for (const file of ['python3', python]) {
    const { end } = await runProcess({
      ...{ file, args: ['-m', 'pip', '--version'], cwd: '/', env: ofOurs(env, /^(PATH|HOME)$/) },
      ...{ timeoutMs: TRIAL_MS, signal },
    });
    if (end.kind === 'exited' && end.exitCode === 0) return file;
  }
  throw new NotReady(`pip, which installs ansible-core, was not found: ${VENDOR}`);
}
