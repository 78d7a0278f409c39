import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command, Option } from 'commander';
import color from 'picocolors';
import { Acme } from './acme.ts';
import { BREAKS, type Break, cutUpload, emptyLists, stopTerraform } from './breaks.ts';
import { Outside, outputOf, until, type Verdict } from './outside.ts';
import { type Sandbox, startSandbox } from './start.ts';

/** What each target has to be told about, and which alarms that makes red. */
interface Expectation {
  readonly target: string;
  readonly verdict: string;
  readonly causes: readonly string[];
  /** Each difference, where it matters which. */
  readonly findings?: readonly string[];
  /** What could not be compared, where it matters. */
  readonly uncovered?: readonly string[];
  readonly red: readonly string[];
  readonly story: string;
}

const EXPECTED: readonly Expectation[] = [
  {
    target: 'staging/shop',
    verdict: 'in-sync',
    causes: [],
    red: [],
    story: 'kustomize; the server filled in a hundred defaults',
  },
  { target: 'staging/network', verdict: 'in-sync', causes: [], red: [], story: 'nobody touched it' },
  {
    target: 'prod/network',
    verdict: 'drifted',
    causes: ['out-of-band'],
    red: ['plumbline prod/network drift'],
    story: 'somebody opened SSH to the world, by hand',
  },
  {
    target: 'staging/storage',
    verdict: 'drifted',
    causes: ['pending'],
    red: [],
    story: 'merged and not applied; pages only after two hours',
  },
  {
    target: 'prod/storage',
    verdict: 'unknown',
    causes: [],
    red: ['plumbline prod/storage unknown'],
    story: 'what was pushed cannot be planned',
  },
  { target: 'prod/mail', verdict: 'in-sync', causes: [], red: [], story: 'a Helm chart' },
  { target: 'prod/clusters', verdict: 'in-sync', causes: [], red: [], story: 'jsonnet' },
  {
    target: 'prod/shop',
    verdict: 'drifted',
    causes: ['out-of-band', 'unclear'],
    findings: [
      'added Deployment/shop/web spec.template.spec.containers[name=web].env',
      'added Deployment/shop/web-debug',
      'changed Deployment/shop/cart spec.replicas',
      'removed Service/shop/checkout',
    ],
    red: ['plumbline prod/shop drift'],
    story: 'scaled, a variable set, a Service deleted, a Deployment that no file declares: with kubectl',
  },
  {
    target: 'staging/addons',
    verdict: 'unknown',
    causes: [],
    uncovered: ['Deployment/dashboard/dashboard', 'Service/dashboard/dashboard', 'ServiceAccount/dashboard/dashboard'],
    red: ['plumbline staging/addons unknown'],
    story: 'a namespace may not be read',
  },
];

const STAGING = 'terraform/storage/env/staging.tfvars';
const PROD = 'terraform/storage/env/prod.tfvars';
const EXAMPLES = `
Examples:
  npm run demo                          the whole story, about two minutes
  npm run demo -- --break terraform     terraform does nothing in the builds: the demo must fail
  npm run demo -- --break upload        no report can be uploaded: the demo must fail
  npm run demo -- --break cluster       every list of a cluster is empty and says that all went well: the demo must fail`;

const startedAt = Date.now();
const say = (line: string): void => console.log(`${color.dim(clock())} ${line}`);
const step = (line: string): void => console.log(`\n${color.dim(clock())} ${color.bold(line)}`);
const good = (line: string): void => say(`${color.green('✓')} ${line}`);

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
  const acme = await Acme.settle(sandbox, say, 'rate(1 minute)');
  await prepared;

  step('Drift is planted');
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

  // Before the first schedule can fire.
  if (broken === 'terraform') stopTerraform(sandbox);
  if (broken === 'cluster') emptyLists(sandbox);
  step('Plumbline is deployed: the very template that goes to AWS');
  const service = new Outside(sandbox, outputOf(await sandbox.deploy({ config: acme.config }), 'ResultsBucket'));
  if (broken === 'upload') await cutUpload(sandbox);
  good('deployed; from here on the schedules start the checks, nobody else');

  step('What the checks say');
  await showVerdicts(service);
  await rightAlarms(service);
  await rightPages(sandbox);
  const reports = await keepReports(service);

  step('The drift is healed: rule removed, changes applied, value mended, namespace opened');
  await acme.clusters.prod.healShop();
  await acme.clusters.staging.showDashboard();
  await acme.closeSsh('prod');
  await acme.apply('staging', 'storage');
  await acme.push({ [PROD]: (text) => text.replace('"two weeks"', '14') }, 'Mend the value');
  say('the next scheduled checks will see it; here they come every minute');
  await healed(service);
  await until('every incident at the pager is resolved', 60, async () =>
    sandbox.incidents().every((incident) => incident.status === 'resolved') ? true : null,
  );
  good('the pager has resolved every incident');

  step('All of it happened.');
  say(`HTML reports of what was found: ${reports}`);
  say('To look around in it yourself: npm run sandbox');
}

async function showVerdicts(service: Outside): Promise<void> {
  for (const expected of EXPECTED) {
    const found = await until(`a verdict on ${expected.target}`, 120, () => service.verdict(expected.target));
    const ok = found.verdict === expected.verdict && found.causes.join() === expected.causes.join();
    const uncovered = expected.uncovered === undefined ? [] : await service.uncovered(found);
    const causes = found.causes.length > 0 ? ` (${found.causes.join(', ')})` : '';
    say(`${ok ? color.green('✓') : color.red('✗')} ${line(found)}${causes}   ${color.dim(expected.story)}`);
    if (!ok) {
      const wanted = `${expected.verdict} (${expected.causes.join(', ') || 'no findings'})`;
      throw new Error(`${expected.target} had to be ${wanted}, not ${found.verdict}: ${found.reason}`);
    }
    same(`differences of ${expected.target}`, found.findings, expected.findings);
    same(`what was not compared of ${expected.target}`, uncovered, expected.uncovered);
    for (const what of [...(expected.findings ?? []), ...uncovered.map((subject) => `not covered ${subject}`)]) {
      say(color.dim(`    ${what}`));
    }
  }
}

function same(what: string, found: readonly string[], wanted: readonly string[] | undefined): void {
  if (wanted === undefined || found.join('\n') === wanted.join('\n')) return;
  throw new Error(`${what} had to be\n${wanted.join('\n')}\nnot\n${found.join('\n')}`);
}

const line = (found: Verdict): string =>
  `${found.target.padEnd(16)} ${color.bold(found.verdict.padEnd(8))} ${found.reason}`;

const wantedRed = EXPECTED.flatMap((expected) => expected.red).sort();

/** Exactly the right alarms are red. */
async function rightAlarms(service: Outside): Promise<void> {
  await until(`the red alarms are ${wantedRed.join(', ')}`, 60, async () =>
    (await service.red()).join() === wantedRed.join() ? true : null,
  );
  const all = await service.alarms();
  good(`${wantedRed.length} of ${all.length} alarms are red, the right ones`);
}

/** The pager has one open incident per red alarm, each with its links. */
async function rightPages(sandbox: Sandbox): Promise<void> {
  const open = await until(`one incident for each of ${wantedRed.join(', ')}`, 60, async () => {
    const triggered = sandbox.incidents().filter((incident) => incident.status === 'triggered');
    const alarms = triggered.map((incident) => incident.alarm).sort();
    return alarms.join() === wantedRed.join() ? triggered : null;
  });
  for (const incident of open) {
    if (!incident.description.includes('https://')) throw new Error(`the page of ${incident.alarm} has no link`);
    say(color.yellow(`☎ ${incident.subject}`));
    for (const text of incident.description.split('\n')) say(color.dim(`    ${text}`));
  }
  good('the pager rang once for each, and for nothing else');
}

/** Fetches what a person would open, so that it outlives the account. */
async function keepReports(service: Outside): Promise<string> {
  const folder = path.resolve('.sandbox/reports');
  mkdirSync(folder, { recursive: true });
  for (const { target } of EXPECTED) {
    const page = await until(`the page of ${target}`, 30, () => service.text(`state/${target}.html`));
    writeFileSync(path.join(folder, `${target.replace('/', '-')}.html`), page);
  }
  return folder;
}

async function healed(service: Outside): Promise<void> {
  for (const { target } of EXPECTED) {
    const found = await until(`${target} in sync again`, 150, async () => {
      const verdict = await service.verdict(target);
      return verdict?.verdict === 'in-sync' ? verdict : null;
    });
    good(line(found));
  }
  await until('no alarm is red', 90, async () => ((await service.red()).length === 0 ? true : null));
  good('every alarm is green again');
}

const program = new Command('npm run demo --')
  .description('Deploys Plumbline to an AWS account on this machine, plants drift, and watches the pages come and go.')
  .addOption(new Option('--break <what>', 'break one part on purpose').choices(BREAKS))
  .addHelpText('after', EXAMPLES)
  .action(async (options: { readonly break?: Break }) => {
    await demo(options.break ?? null);
  });

program.parseAsync().catch((error: unknown) => {
  console.error(`\n${color.red('It did not happen:')} ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
