import { toolEnvironment } from '#checks/environment.ts';
import { checkTerraform } from '#checks/terraform/check.ts';
import type { Report } from '#drift/report.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import type { TerraformTarget } from '#drift/target.ts';
import { S3State } from '#services/aws/s3-state.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import type { Terminal } from '../terminal.ts';
import { type LocalRun, ownCredentials, toolCache } from './run.ts';

/** Plans with this person's terraform and credentials. */
export async function checkTerraformHere(target: TerraformTarget, local: LocalRun): Promise<Report> {
  const { run, working, terminal, progress } = local;
  const secrets = await readSecrets(target, terminal);
  if (typeof secrets === 'string') return unknownReport(run, secrets, new Date());
  return checkTerraform({
    target,
    run,
    source: { folder: working.folder, disposable: false },
    fingerprintKey: null,
    environment: toolEnvironment(terminal.env, 'workstation'),
    secrets,
    hidden: ownCredentials(terminal),
    toolCache: toolCache(terminal),
    openS3State: (place) => new S3State(place),
    signal: terminal.signal,
    progress,
    now: () => new Date(),
    notes: working.notes,
  });
}

/** Values of `terraform.env`: from the shell where it sets them, else from where the config says; or why there are none. */
async function readSecrets(
  target: TerraformTarget,
  terminal: Terminal,
): Promise<Readonly<Record<string, string>> | string> {
  const secrets = new AwsSecrets();
  const values: Record<string, string> = {};
  for (const [name, reference] of Object.entries(target.terraform.env)) {
    const own = terminal.env[name];
    try {
      values[name] = own ?? (await secrets.read(reference));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return `${name} could not be read (${why}): set it in your shell, or give credentials that may read it`;
    }
  }
  return values;
}
