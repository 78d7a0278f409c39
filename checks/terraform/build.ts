import { chown, mkdir } from 'node:fs/promises';
import type { TerraformTicket as Ticket } from '#drift/ticket.ts';
import type { S3StatePlace, StateWatch } from '#services/ports.ts';
import type { ProcessUser } from '#services/process.ts';
import type { ReleaseSource } from '#services/tools/release.ts';
import {
  type BuildWorld,
  type Checked,
  fetchSource,
  readToken,
  readValues,
  roleEnvironment,
  sourceOf,
} from '../build.ts';
import { toolEnvironment } from '../environment.ts';
import { makeScratch } from '../scratch.ts';
import { assumeTargetRole } from '../target-role.ts';
import { checkTerraform } from './check.ts';

export interface TerraformBuildWorld extends BuildWorld {
  /** Readable for the tool's user. */
  readonly toolCache: string;
  /** Where terraform keeps providers between builds. */
  readonly providerCache: string;
  readonly openS3State: (place: S3StatePlace) => StateWatch;
  readonly releases?: ReleaseSource;
}

/** What a build of a terraform target does: fetches the commit, takes the target's role, and lets the tool plan. */
export async function buildTerraform(
  ticket: Ticket,
  { startedAt }: { readonly startedAt: Date },
  world: TerraformBuildWorld,
): Promise<Checked> {
  const { run, target, fingerprintKey } = ticket;
  const { env, signal, user, now } = world;
  const left = (): number => target.timeoutSeconds * 1000 - (now().getTime() - startedAt.getTime());
  const token = await readToken(ticket, world);
  const secrets = await readValues(target.terraform.env, world.secrets);
  const scratch = await makeScratch(user);
  try {
    const folder = await scratch.makeFolder('repository');
    const home = await scratch.makeFolder('home');
    await fetchSource(sourceOf(ticket, token, { folder, home }, left(), world), world);
    const credentials = await assumeTargetRole(ticket, world.identity);
    let last = '';
    const report = await checkTerraform({
      target,
      run,
      source: { folder, disposable: true },
      fingerprintKey,
      environment: {
        ...toolEnvironment(env, 'service'),
        ...roleEnvironment(credentials, target.environment.region),
        TF_PLUGIN_CACHE_DIR: await ownFolder(world.providerCache, user),
      },
      secrets,
      hidden: [
        fingerprintKey,
        credentials.secretAccessKey,
        credentials.sessionToken,
        ...(token === null ? [] : [token]),
      ],
      ...(user === undefined ? {} : { user }),
      toolCache: world.toolCache,
      openS3State: world.openS3State,
      ...(world.releases === undefined ? {} : { releases: world.releases }),
      signal,
      progress: (step) => {
        const name = step.split(': ')[0] ?? step;
        if (name !== last) world.say(name);
        last = name;
      },
      now,
      timeoutMs: left(),
    });
    const { exitCode = null } = report.tool ?? {};
    return { report, complete: exitCode === 0 || exitCode === 2 };
  } finally {
    await scratch.remove();
  }
}

/** Terraform wants its cache to exist; it runs as another user than we do. */
async function ownFolder(folder: string, user: ProcessUser | undefined): Promise<string> {
  await mkdir(folder, { recursive: true });
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  return folder;
}
