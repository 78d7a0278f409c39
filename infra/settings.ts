import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { formatConfigErrors } from '#drift/config/errors.ts';
import { parseConfig } from '#drift/config/parse.ts';
import type { DeployedConfig, Environment, Source, Target } from '#drift/target.ts';
import { addressOf } from '#drift/webhook/decide.ts';

/** The address of what is no repository of a host. */
const NOWHERE = addressOf('');

/** The config cannot be deployed; the message says what to do and is all that the user has to see. */
export class NotDeployable extends Error {
  override readonly name = 'NotDeployable';
}

/** An environment that can be deployed to. */
export interface Place extends Environment {
  readonly account: string;
  readonly region: string;
  readonly role: string;
}

/** A target that the service checks: it has a source and a place. */
export type ServedTarget = Target & {
  readonly source: Source;
  readonly environment: Place;
};

/** Targets that the service checks, by layer. */
export type ServedModule = Extract<ServedTarget, { layer: 'terraform' }>;
export type ServedNodes = Extract<ServedTarget, { layer: 'nodes' }>;
export type ServedCluster = Extract<ServedTarget, { layer: 'kubernetes' }>;

/** What is deployed: the config, of which the targets that only a person checks locally are left out. */
export interface Settings extends DeployedConfig {
  readonly targets: readonly ServedTarget[];
  /** Where everything is deployed to. */
  readonly account: string;
  readonly region: string;
}

/** Reads the config file as it is to be deployed. @throws NotDeployable */
export function readSettings(file: string): Settings {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new NotDeployable(`${file} cannot be read: name your config with -c config=path/to/plumbline.yaml`, {
      cause,
    });
  }
  const parsed = parseConfig(text, file, new Date());
  if (!parsed.ok) throw new NotDeployable(formatConfigErrors(parsed.errors));
  const folder = path.dirname(path.resolve(file));
  const name = path.basename(file);
  const place = placeOf(folder, name);
  const commit = isCommitted(folder, name) ? git(folder, 'rev-parse', 'HEAD') : null;
  return settingsOf({ ...parsed.config, commit, ...(place === null ? {} : { file: place }) }, file);
}

/** The part of a config that is deployed. @throws NotDeployable when there is none, or it is not of one account */
export function settingsOf(config: DeployedConfig, file: string): Settings {
  const targets = config.targets.filter(isServed);
  const [first, ...others] = new Set(targets.map(({ environment }) => environment));
  if (first === undefined) {
    throw new NotDeployable(`${file}: no target can be deployed: none has a source, and an account, region and role`);
  }
  const { account, region } = first;
  const elsewhere = others.find((other) => other.account !== account || other.region !== region);
  if (elsewhere !== undefined) {
    throw new NotDeployable(
      `${file}: environments ${first.name} (${account}, ${region}) and ${elsewhere.name} (${elsewhere.account}, ` +
        `${elsewhere.region}) are not in one account and region. Cross-account comes with a later version: until then, ` +
        'write one config per account and region, and deploy each',
    );
  }
  return { ...config, targets, account, region };
}

function isServed(target: Target): target is ServedTarget {
  const { account, region, role } = target.environment;
  return target.source !== undefined && account !== undefined && region !== undefined && role !== undefined;
}

/** Where the config lies in its repository, as far as that is known. Of the remote's address no credential is kept. */
function placeOf(folder: string, name: string): NonNullable<DeployedConfig['file']> | null {
  const remote = git(folder, 'remote', 'get-url', 'origin');
  const prefix = git(folder, 'rev-parse', '--show-prefix');
  if (remote === null || prefix === null) return null;
  const repository = addressOf(remote);
  return repository === NOWHERE ? null : { repository, path: `${prefix}${name}` };
}

/** Whether the commit that is checked out has the file as it is now: else no commit says what was deployed. */
function isCommitted(folder: string, name: string): boolean {
  const committed = git(folder, 'rev-parse', `HEAD:./${name}`);
  return committed !== null && committed === git(folder, 'hash-object', '--', name);
}

/** What git answers; null when the folder is in no repository, or git is not at hand. */
function git(folder: string, ...args: readonly string[]): string | null {
  try {
    return execFileSync('git', args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
