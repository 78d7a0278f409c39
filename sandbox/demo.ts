import { Command, Option } from 'commander';
import color from 'picocolors';
import { Acme } from './acme.ts';
import { BREAKS, type Break } from './breaks.ts';
import { EXPECTED } from './expected.ts';
import { Outside, outputOf, until } from './outside.ts';
import { type Sandbox, startSandbox } from './start.ts';
import {
  healed,
  keepReports,
  rightAlarms,
  rightPages,
  seesRightly,
  shownAtCommit,
  startedByPerson,
  startedByPush,
} from './watch.ts';

const STAGING = 'terraform/storage/env/staging.tfvars';
const PROD = 'terraform/storage/env/prod.tfvars';
const AUDIT = 'ansible/group_vars/prod/main.yml';
const ROLLED_OUT = ['prod-master-0', 'prod-master-1'];
const FORGOTTEN = 'prod-master-2';
const EDITED = 'prod-minion-0';
const OFFLINE = 'prod-minion-1';
const EXAMPLES = `
Examples:
  npm run demo                          the whole story, about three minutes
  npm run demo -- --break terraform     terraform does nothing in the builds: the demo must fail
  npm run demo -- --break upload        no report can be uploaded: the demo must fail
  npm run demo -- --break cluster       every list of a cluster is empty and says that all went well: the demo must fail
  npm run demo -- --break nodes         Ansible does nothing on the nodes: the demo must fail`;

const startedAt = Date.now();
const say = (line: string): void => console.log(`${color.dim(clock())} ${line}`);
const step = (line: string): void => console.log(`\n${color.dim(clock())} ${color.bold(line)}`);

function clock(): string {
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Runs the whole story. @throws with one sentence when something did not happen as it must */
async function demo(broken: Break | null): Promise<void> {
  step('An AWS account on this machine: IAM enforced, TLS, a git host, a pager');
  const sandbox = await startSandbox({ progress: say });
  try {
    await story(sandbox, broken);
  } finally {
    await sandbox.stop();
  }
}

async function story(sandbox: Sandbox, broken: Break | null): Promise<void> {
  step('The company "acme" applies its infrastructure, as on any day');
  const prepared = sandbox.bootstrap();
  // Told where it is waited for; by then something else may have failed.
  prepared.catch(() => undefined);
  const acme = await Acme.settle(sandbox, { say, schedule: 'rate(1 minute)', asked: ['storage', 'nodes'] });
  await prepared;

  step('Drift is planted');
  await plant(acme);
  const { service, rerun } = await deploy(sandbox, acme, broken);

  step('What the checks say');
  for (const expected of EXPECTED) await seesRightly(service, expected, say);
  await rightAlarms(service, say);
  await rightPages(sandbox, say);
  const paged = new Date();
  const reports = await keepReports(service);

  step('The drift is healed: rule removed, changes applied, value mended, namespace opened, node started');
  await heal(acme);
  await nextMinute(paged);
  const commit = await acme.push({ [PROD]: (text) => text.replace('"two weeks"', '14') }, 'Mend the value');
  await startedByPush(sandbox, service, { target: 'prod/storage', commit }, say);
  await startedByPerson(service, { target: 'prod/nodes', rerun }, say);
  say('the next scheduled checks will see the rest; here they come every minute');
  await healed(sandbox, service, say);
  await shownAtCommit(sandbox, { target: 'prod/storage', commit }, say);

  step('All of it happened.');
  say(`HTML reports of what was found: ${reports}`);
  say('To look around in it yourself: npm run sandbox');
}

async function plant(acme: Acme): Promise<void> {
  await acme.openSsh('prod');
  say('prod/network     SSH is opened to the world through the EC2 API, as in the console');
  await acme.push({ [STAGING]: (text) => text.replace('= 2', '= 4') }, 'Keep messages longer in staging');
  say('staging/storage  a change is pushed to git, and not applied');
  await acme.push({ [PROD]: (text) => text.replace('= 14', '= "two weeks"') }, 'Keep messages longer in prod');
  say('prod/storage     a value that cannot be planned is pushed');
  await acme.clusters.prod.breakShop();
  say('prod/shop        kubectl scale, set env, delete service, create deployment');
  await acme.clusters.staging.hideDashboard();
  say('staging/addons   the namespace dashboard is closed to Plumbline');
  const { prod } = acme.nodes;
  await acme.push(
    { [AUDIT]: (text) => text.replace('audit_log_days: 30', 'audit_log_days: 90') },
    'Keep audit logs longer',
  );
  await Promise.all([prod.apply(ROLLED_OUT, ['control_plane']), prod.raiseMaxPods(EDITED)]);
  say(`prod/nodes       a change is rolled out to all masters but ${FORGOTTEN}; flags are edited on ${EDITED}`);
  await prod.node(OFFLINE).set({ agent: 'offline' });
  say(`prod/nodes       ${OFFLINE} goes offline`);
}

/** All but the value in git. */
async function heal(acme: Acme): Promise<void> {
  await acme.clusters.prod.healShop();
  await acme.clusters.staging.showDashboard();
  await acme.closeSsh('prod');
  await acme.apply('staging', 'storage');
  const { prod } = acme.nodes;
  await prod.node(OFFLINE).set({ agent: 'online' });
  await Promise.all([prod.apply([FORGOTTEN], ['control_plane']), prod.apply([EDITED], ['kubelet'])]);
}

/** A metric's minute has its largest value: what is looked at once more in the same one is green five minutes later. */
async function nextMinute(since: Date): Promise<void> {
  const minuteOf = (time: Date): number => Math.floor(time.getTime() / 60_000);
  await until('the next minute', 61, async () => (minuteOf(new Date()) > minuteOf(since) ? true : null));
}

interface Deployed {
  readonly service: Outside;
  /** Name of the function by which people start checks. */
  readonly rerun: string;
}

/** The first schedule fires while it is deployed: what is there to be broken is broken before. */
async function deploy(sandbox: Sandbox, acme: Acme, broken: Break | null): Promise<Deployed> {
  const part = broken === null ? null : BREAKS[broken];
  if (part?.once === 'there') await part.act(sandbox);
  step('Plumbline is deployed: the very template that goes to AWS');
  const outputs = await sandbox.deploy({ config: acme.config });
  const service = new Outside(sandbox, outputOf(outputs, 'ResultsBucket'));
  acme.hook(sandbox.functionAddress(outputOf(outputs, 'WebhookUrl')));
  if (part?.once === 'deployed') await part.act(sandbox);
  say(`${color.green('✓')} deployed; from here on schedules, signed pushes and people start the checks`);
  return { service, rerun: outputOf(outputs, 'RerunFunction') };
}

const program = new Command('npm run demo --')
  .description('Deploys Plumbline to an AWS account on this machine, plants drift, and watches the pages come and go.')
  .addOption(new Option('--break <what>', 'break one part on purpose').choices(Object.keys(BREAKS)))
  .addHelpText('after', EXAMPLES)
  .action(async (options: { readonly break?: Break }) => {
    await demo(options.break ?? null);
  });

program.parseAsync().catch((error: unknown) => {
  console.error(`\n${color.red('It did not happen:')} ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
