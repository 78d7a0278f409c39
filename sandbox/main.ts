import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import color from 'picocolors';
import { Acme } from './acme.ts';
import { outputOf } from './outside.ts';
import { type Sandbox, startSandbox } from './start.ts';

const FOLDER = path.resolve(import.meta.dirname, '../.sandbox');
const EXAMPLES = `
Then, in another terminal:
  source .sandbox/env.sh
  npx plumbline check -c .sandbox/acme/plumbline.yaml prod/network
  kubectl -n shop scale deployment/cart --replicas=9
  npx plumbline check -c .sandbox/acme/plumbline.yaml prod/shop
  curl --cacert "$AWS_CA_BUNDLE" "$PAGER_URL/incidents"`;

const NODE_EXAMPLE = (name: string): string => `
  .sandbox/nodes/${name} hostname                 # a command on a node, or a shell on it`;

const say = (line: string): void => console.log(color.dim(line));

/** For people and tests that plant their own drift: where everything is, as JSON and for a shell. */
function writeEnvironment(sandbox: Sandbox, acme: Acme, outputs: Parameters<typeof outputOf>[0]): void {
  mkdirSync(FOLDER, { recursive: true });
  const webhookUrl = sandbox.functionAddress(outputOf(outputs, 'WebhookUrl'));
  acme.hook(webhookUrl);
  const known = {
    endpoint: sandbox.endpoint,
    caBundle: sandbox.caBundle,
    region: sandbox.region,
    account: sandbox.account,
    bucket: outputOf(outputs, 'ResultsBucket'),
    dispatchFunction: outputOf(outputs, 'DispatchFunction'),
    gitUrl: acme.repository.url,
    workingCopy: acme.repository.workingCopy,
    config: acme.config,
    pagerUrl: sandbox.pager.url,
    webhookUrl,
    kubeconfig: sandbox.clusters.prod.kubeconfig,
    clusters: Object.fromEntries(
      Object.entries(sandbox.clusters).map(([name, { server, caFile, kubeconfig }]) => [
        name,
        { server, caFile, kubeconfig },
      ]),
    ),
    nodes: sandbox.nodes.all.map(({ id, name, hybrid, script }) => ({ id, name, hybrid, script })),
    env: sandbox.env,
  };
  linkNodes(sandbox);
  rmSync(path.join(FOLDER, 'acme'), { force: true });
  symlinkSync(acme.repository.workingCopy, path.join(FOLDER, 'acme'));
  writeFileSync(path.join(FOLDER, 'env.json'), `${JSON.stringify(known, null, 2)}\n`);
  const variables = {
    ...sandbox.env,
    PAGER_URL: sandbox.pager.url,
    ACME: acme.repository.workingCopy,
    KUBECONFIG: sandbox.clusters.prod.kubeconfig,
  };
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`);
  writeFileSync(path.join(FOLDER, 'env.sh'), `${lines.join('\n')}\n`);
}

/** For people: `.sandbox/nodes/<name>` runs a command on a node, or a shell. */
function linkNodes(sandbox: Sandbox): void {
  const folder = path.join(FOLDER, 'nodes');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  for (const { name, script } of sandbox.nodes.all) symlinkSync(script, path.join(folder, name));
}

async function main(options: { readonly schedule: string }): Promise<void> {
  const sandbox = await startSandbox({ progress: say });
  try {
    const prepared = sandbox.bootstrap();
    // Told where it is waited for; by then something else may have failed.
    prepared.catch(() => undefined);
    const acme = await Acme.settle(sandbox, { say, schedule: options.schedule });
    await prepared;
    say('deploying Plumbline');
    writeEnvironment(sandbox, acme, await sandbox.deploy({ config: acme.config }));
  } catch (error) {
    await sandbox.stop();
    throw error;
  }
  process.once('exit', () => {
    for (const name of ['env.json', 'env.sh', 'acme', 'nodes'])
      rmSync(path.join(FOLDER, name), { recursive: true, force: true });
  });
  const [node] = sandbox.nodes.all;
  const nodeExample = node === undefined ? '' : NODE_EXAMPLE(node.name);
  console.log(
    `\nThe account is up; acme is applied and checked by ${options.schedule}. Ctrl-C ends it.${EXAMPLES}${nodeExample}`,
  );
  // Kept alive by the git host and the pager, until a signal ends it.
}

new Command('npm run sandbox --')
  .description('An AWS account on this machine with Plumbline deployed in it, until Ctrl-C. Writes .sandbox/env.json.')
  .option('--schedule <expression>', 'when acme is checked', 'rate(1 minute)')
  .addHelpText('after', EXAMPLES)
  .action(main)
  .parseAsync()
  .catch((error: unknown) => {
    console.error(color.red(error instanceof Error ? error.message : String(error)));
    process.exitCode = 1;
  });
