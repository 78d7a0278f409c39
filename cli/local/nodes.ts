import { resolve } from 'node:path';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { checkNodes, type NodesCheckRequest } from '#checks/nodes/check.ts';
import type { Report } from '#drift/report.ts';
import { unknownReport } from '#drift/state/conclude.ts';
import type { NodesTarget, SecretReference } from '#drift/target.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import { SecretError } from '#services/ports.ts';
import { type LocalRun, ownCredentials } from './run.ts';

/** Compares the hosts of an inventory, with this person's ansible-playbook and connections. */
export async function checkNodesHere(target: NodesTarget, local: LocalRun): Promise<Report> {
  const { run, working, terminal, progress } = local;
  let secrets: Pick<NodesCheckRequest, 'secrets' | 'vaultPassword'>;
  try {
    secrets = await readSecrets(target, working.configFolder);
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    return unknownReport(run, error.message, new Date());
  }
  return checkNodes({
    target,
    run,
    source: { folder: working.folder },
    environment: terminal.env,
    ...secrets,
    hidden: ownCredentials(terminal),
    signal: terminal.signal,
    progress,
    now: () => new Date(),
    notes: working.notes,
  });
}

/** Secrets lie where the service does: in the environment's region. @throws SecretError */
async function readSecrets(
  { environment: { region }, nodes: { secretVars, vaultPassword } }: NodesTarget,
  configFolder: string,
): Promise<Pick<NodesCheckRequest, 'secrets' | 'vaultPassword'>> {
  const place = region === undefined ? {} : { region };
  const store = new AwsSecrets(new SecretsManagerClient(place), new SSMClient(place));
  const read = async (what: string, reference: SecretReference): Promise<string> =>
    store.read(reference).catch((error: unknown) => {
      if (error instanceof SecretError) throw error;
      const why = error instanceof Error ? error.name : 'unknown error';
      throw new SecretError(`${what} could not be read (${why}): are there AWS credentials that may read it?`, error);
    });
  const secrets: Record<string, string> = {};
  for (const [name, reference] of Object.entries(secretVars)) {
    secrets[name] = await read(`the variable ${name}`, reference);
  }
  if (vaultPassword === undefined) return { secrets, vaultPassword: null };
  if ('file' in vaultPassword) return { secrets, vaultPassword: { file: resolve(configFolder, vaultPassword.file) } };
  return { secrets, vaultPassword: { value: await read('the vault password', vaultPassword) } };
}
