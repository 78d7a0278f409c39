import { Command } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import type { AckOptions } from './commands/ack.ts';
import type { CheckOptions } from './commands/check.ts';
import type { DoctorOptions } from './commands/doctor.ts';
import type { InitOptions } from './commands/init.ts';
import type { JudgeKubernetesOptions } from './commands/judge-kubernetes.ts';
import type { JudgeNodesOptions } from './commands/judge-nodes.ts';
import type { JudgeOptions } from './commands/judge-terraform.ts';
import type { RunOptions } from './commands/run.ts';
import type { StatusOptions } from './commands/status.ts';
import type { Terminal } from './terminal.ts';

const CONFIG_HELP = 'the config file';
const EXIT_CODES = `
Exit codes: 0 in sync, 2 drifted, 1 unknown or wrongly used.
For several targets: 1 if any is unknown, else 2 if any drifted.`;

/** The command line. Each command is one function in `commands/`, loaded when it is asked for: none needs all of AWS. */
export function createProgram(terminal: Terminal): Command {
  const program = new Command('plumbline')
    .description('Tells when what runs is no longer what its git repository says.')
    .version(manifest.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .showHelpAfterError('(plumbline --help tells more)')
    .addHelpText(
      'after',
      `
Examples:
  plumbline check -c plumbline.yaml prod/network      one target
  plumbline check 'prod/*' --json                     several, as a JSON array of reports
  plumbline check prod/network --html report.html     for a browser
  plumbline validate                                  what is wrong with plumbline.yaml, or what it checks
  plumbline doctor prod/network                       what is missing here for such a check
  plumbline status                                    how all targets stand in the deployed service
  plumbline run prod/network --wait                   lets the deployed service check it now
  plumbline init                                      a first plumbline.yaml from what lies in the repository
  plumbline ack prod/network 'aws_x.*' --report report.json --owner me --reason why --until 2026-12-01
  plumbline judge terraform --plan plan.json --exit-code 2
  plumbline judge kubernetes --declared k8s/ --live live.yaml
  plumbline judge nodes --events web1.events web2.events
${EXIT_CODES}`,
    );

  program
    .command('check')
    .description('compares here and now: the working copy with what runs, with the tools on the PATH; writes nothing')
    .argument('[target...]', 'names such as prod/network; * and ? stand for any text; none: all of them')
    .option('-c, --config <file>', CONFIG_HELP, 'plumbline.yaml')
    .option('--json', 'print a JSON array of reports and nothing else')
    .option('--html <file>', 'write the report as a page; for several targets the name of each is added')
    .addHelpText(
      'after',
      `
The working copy is the folder of the config file, or the top of its git repository if the target's path lies there.
Credentials are those that terraform would find in your shell. A name in terraform.env that your shell sets is taken
from there, otherwise it is read where the config says.
${EXIT_CODES}`,
    )
    .action(async (targets: string[], options: CheckOptions) =>
      (await import('./commands/check.ts')).check(targets, options, terminal),
    );

  program
    .command('run')
    .description('lets the deployed service check targets now, with your own AWS credentials')
    .argument('<target...>', 'names such as prod/network; * and ? stand for any text')
    .option('--commit <sha>', 'the head of another branch or tag, where the target allows it: no verdict on the target')
    .option('--wait', 'wait for the verdicts, and end as they are')
    .option('--json', 'print a JSON array and nothing else: what was started, or with --wait the verdicts')
    .option('--region <region>', 'where the service is deployed; default: that of your AWS settings')
    .addHelpText(
      'after',
      `
A target that is being checked at the same commit is joined; a pattern leaves out what is paused or retired.
You need lambda:InvokeFunction on plumbline-rerun, and with --wait or a pattern on plumbline-widget. AWS_PROFILE names
other credentials.

Examples:
  plumbline run prod/network --wait
  plumbline run 'prod/*' --json
  plumbline run staging/network --commit "$(git rev-parse HEAD)" --wait

Exit codes: 0 all were started, 1 one was not or wrongly used. With --wait: 0 in sync, 2 drifted, 1 unknown; for several
targets 1 if any is unknown or was not started, else 2 if any drifted.`,
    )
    .action(async (targets: string[], options: RunOptions) =>
      (await import('./commands/run.ts')).run(targets, options, terminal),
    );

  program
    .command('status')
    .description('says how targets stand in the deployed service, with your own AWS credentials')
    .argument('[target...]', 'names such as prod/network; * and ? stand for any text; none: all of them')
    .option('--json', 'print { at, config: { hash, commit }, targets: [ … ] } and nothing else')
    .option('--region <region>', 'where the service is deployed; default: that of your AWS settings')
    .addHelpText(
      'after',
      `
Starts nothing. You need lambda:InvokeFunction on plumbline-widget. AWS_PROFILE names other credentials.

Examples:
  plumbline status
  plumbline status 'prod/*' --json

Exit codes: 0 in sync, 2 drifted, 1 unknown, stale, never looked at, or wrongly used. For several targets: 1 if any is
one of these, else 2 if any drifted; what is paused or retired does not count.`,
    )
    .action(async (targets: string[], options: StatusOptions) =>
      (await import('./commands/status.ts')).status(targets, options, terminal),
    );

  const judge = program.command('judge').description('judges saved evidence, without any tool or network');

  judge
    .command('terraform')
    .description('judges the JSON of a plan')
    .requiredOption('--plan <file>', 'what `terraform show -json` wrote')
    .option('--exit-code <number>', 'of `terraform plan -detailed-exitcode`; without it the verdict is unknown')
    .option('--plan-without-refresh <file>', 'the same of a plan with -refresh=false: it settles the cause')
    .option('--events <file>', 'what `terraform plan -json` wrote: it tells why a plan failed')
    .option('--json', 'print the report as JSON and nothing else')
    .addHelpText(
      'after',
      `
Example:
  terraform plan -json -out=p.tfplan -detailed-exitcode -lock=false > events.ndjson; code=$?
  terraform show -json p.tfplan > plan.json
  plumbline judge terraform --plan plan.json --exit-code $code --events events.ndjson
${EXIT_CODES}`,
    )
    .action(async (options: JudgeOptions) =>
      (await import('./commands/judge-terraform.ts')).judgeTerraformFiles(options, terminal),
    );

  judge
    .command('kubernetes')
    .description('judges manifests against a dump of live objects')
    .requiredOption('--declared <path>', 'a manifest, or a folder of them')
    .requiredOption('--live <file>', 'what `kubectl get … -o yaml` wrote; CRDs in it give the schemas of their kinds')
    .option('--options <file>', 'JSON: { "defaultNamespace": …, "options": { "ignore": …, "inventory": … } }')
    .option('--json', 'print the report as JSON and nothing else')
    .addHelpText(
      'after',
      `
Ask for managed fields: they tell what a person changed from what the cluster filled in.

Example:
  kubectl get deploy,svc,cm,hpa,crd -A -o yaml --show-managed-fields > live.yaml
  plumbline judge kubernetes --declared k8s/ --live live.yaml
${EXIT_CODES}`,
    )
    .action(async (options: JudgeKubernetesOptions) =>
      (await import('./commands/judge-kubernetes.ts')).judgeKubernetesFiles(options, terminal),
    );

  judge
    .command('nodes')
    .description('judges what check runs of Ansible wrote through our callback plugin')
    .requiredOption('--events <file...>', 'the event streams, of one run each')
    .option('--exit-code <number...>', 'of ansible-playbook, one for each stream: it takes trust away, and gives none')
    .option('--json', 'print the report as JSON and nothing else')
    .addHelpText(
      'after',
      `
The plugin is checks/nodes/plugin/plumbline_events.py. It hides secrets before it writes; PLUMBLINE_SECRET_VARIABLES
names more variables whose values are secret.

Example:
  PLUMBLINE_EVENTS=web1.events ANSIBLE_CALLBACK_PLUGINS=checks/nodes/plugin ANSIBLE_STDOUT_CALLBACK=plumbline_events \\
    ANSIBLE_INJECT_INVOCATION=True ansible-playbook --check --diff -i hosts.ini site.yml; code=$?
  plumbline judge nodes --events web1.events --exit-code $code
${EXIT_CODES}`,
    )
    .action(async (options: JudgeNodesOptions) =>
      (await import('./commands/judge-nodes.ts')).judgeNodesFiles(options, terminal),
    );

  program
    .command('validate')
    .description('says what is wrong with the config, all at once, or shows what it checks')
    .option('-c, --config <file>', CONFIG_HELP, 'plumbline.yaml')
    .addHelpText(
      'after',
      `
Every mistake has its file, line, path and what to write instead. Of a right config: its targets with the number of
rules that speak of each, acknowledgements that end within 14 days or in more than 90, and maintenance windows.

Example:
  plumbline validate -c plumbline.yaml

Exit codes: 0 right, 1 wrong.`,
    )
    .action(async (options: { config: string }) =>
      (await import('./commands/validate.ts')).validate(options.config, terminal),
    );

  program
    .command('doctor')
    .description('says what is missing on this machine, in the account and in the clusters; writes nothing')
    .argument('[target...]', 'names such as prod/network; * and ? stand for any text; none: all of them')
    .option('-c, --config <file>', CONFIG_HELP, 'plumbline.yaml')
    .option('--json', 'print a JSON array of { ok, about, text } and nothing else')
    .addHelpText(
      'after',
      `
Looks at the tools on the PATH, whose account your credentials are, and the clusters: whether they answer, serve every
declared kind, and let the service read those and write nothing. What the service may do in an EKS cluster is asked in
the name of its group, which needs a cluster admin; with a kubeconfig from a secret as the user in it.

Example:
  plumbline doctor -c plumbline.yaml 'prod/*'

Exit codes: 0 all is well, 1 something is not, or wrongly used.`,
    )
    .action(async (targets: string[], options: DoctorOptions) =>
      (await import('./commands/doctor.ts')).doctor(targets, options, terminal),
    );

  program
    .command('init')
    .description('writes a first config from what lies in the repository; never overwrites one')
    .option('-c, --config <file>', 'the file to write', 'plumbline.yaml')
    .option('--stdout', 'print it and write nothing')
    .addHelpText(
      'after',
      `
Finds the terraform root modules (with a lock file, a backend, or a provider and used by no other module), their
env/*.tfvars, and where git comes from.

Example:
  plumbline init --stdout`,
    )
    .action(async (options: InitOptions) => (await import('./commands/init.ts')).init(options, terminal));

  program
    .command('ack')
    .description('prints the acknowledge rules for findings of a report, ready to paste into the config')
    .argument('<target>', 'its name, such as prod/network')
    .argument('<subject>', 'of the findings; * stands for any text')
    .requiredOption('--report <file>', 'a report.json of the results bucket, or what `check --json` printed')
    .requiredOption('--owner <name>', 'who looks after it')
    .requiredOption('--reason <text>', 'why it is known')
    .requiredOption('--until <date>', 'the last day, such as 2026-12-01, or a time')
    .option('--path <path>', 'of the findings; * stands for any text; default: all of the subject')
    .addHelpText(
      'after',
      `
The rules name the hash of the live value where the report has it: they end when the value changes.

Example:
  aws s3 cp s3://<results>/runs/prod/network/2026/11/24/<run>/report.json .
  plumbline ack prod/network aws_security_group.web --path ingress --owner alice@acme.example \\
    --reason 'incident 4711' --until 2026-12-01 --report report.json

Exit codes: 0 printed, 1 nothing fits or wrongly used.`,
    )
    .action(async (target: string, subject: string, options: AckOptions) =>
      (await import('./commands/ack.ts')).ack(target, subject, options, terminal),
    );

  program
    .command('build', { hidden: true })
    .description('what a build of the deployed service runs: one check, whose report goes to the results bucket')
    .addHelpText(
      'after',
      `
Reads TARGET, RUN_ID, TICKET and PLUMBLINE_BUCKET, which the service sets when it starts a build, fetches the commit,
takes the target's role and checks. Exit code 0: a report of a complete check was written, drifted or not.`,
    )
    .action(async () => (await import('./commands/build.ts')).build(terminal));

  return program;
}
