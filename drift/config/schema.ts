import * as z from 'zod';
import { parseSchedule, ScheduleError } from '../schedule.ts';
import { SEVERITIES } from '../target.ts';
import { cluster, kubernetes } from './kubernetes-schema.ts';
import { layerProblems } from './layers.ts';
import { nodes } from './nodes-schema.ts';
import { ruleLists } from './rule-schema.ts';
import { duration, repositoryPath, scalarText, secretReference, text } from './scalars.ts';
import { windowList } from './window-schema.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;

/** Most targets after `in` is expanded. */
export const MAX_TARGETS = 5000;

const name = z
  .string()
  .regex(
    NAME,
    'a name has letters, digits, ".", "_" and "-", starts with a letter or digit, and has at most 40 characters',
  );

const severity = z.enum(SEVERITIES, { error: `a severity is one of ${SEVERITIES.join(', ')}` });

const source = z.strictObject({
  url: text('the address of a git repository')
    .regex(
      /^https:\/\/[^\s@]+$/,
      'write an https:// address without a user or token in it; a token goes to "token: { secret: name }"',
    )
    .describe('Address of the repository, https only.'),
  ref: text('a branch or tag')
    .regex(/^(?!-)[^\s~^:?*[\\]+$/, 'write the name of a branch or tag')
    .default('main')
    .describe('Branch or tag whose head is the truth. Default: main.'),
  token: secretReference.optional().describe('Token to read the repository with, sent as the password of basic auth.'),
  webhook: secretReference
    .optional()
    .describe('Secret of the webhook of this repository: a push then starts the checks of what it touches.'),
  statuses: z
    .union([z.boolean(), z.strictObject({ token: secretReference })], {
      error: 'write true, or { token: { secret: name } } for a token of their own',
    })
    .default(false)
    .describe(
      'true: a pushed commit shows at its git host what came of its checks; the token, or one for this alone as { token: … }, may write commit statuses. Default: false, as tokens are given to read.',
    ),
});

const environment = z
  .strictObject({
    account: z
      .string({ error: 'write the account in quotes, so that YAML does not read it as a number: "123456789012"' })
      .regex(/^\d{12}$/, 'an account has 12 digits, in quotes')
      .optional()
      .describe('AWS account of the targets, 12 digits in quotes.'),
    region: text('a region')
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'write a region, such as eu-west-1')
      .optional()
      .describe('AWS region of the targets.'),
    role: name.optional().describe('Prefix of the roles per layer: <role>-terraform.'),
    severity: severity
      .default('warning')
      .describe('Who is told of findings here, unless a target says otherwise. Default: warning.'),
    state: z
      .array(text('bucket/key').regex(/^[a-z0-9][a-z0-9.-]{2,62}\/\S+$/, 'write bucket/key, such as acme-state/prod/*'))
      .max(50)
      .default([])
      .describe('Terraform states that the terraform role may read, as bucket/key with * allowed in the key.'),
    locks: z
      .array(text('a table').regex(/^[A-Za-z0-9_.-]{3,255}$/, 'write the name of a DynamoDB table'))
      .max(20)
      .default([])
      .describe('DynamoDB tables that hold the locks of these states: a check waits while somebody applies.'),
    cluster: cluster
      .optional()
      .describe('Kubernetes cluster of its targets. Absent: the current kubeconfig of the person who checks locally.'),
    values: z
      .record(name, scalarText)
      .default({})
      .describe('Own values of this environment; targets use them as placeholders, like the name of the environment.'),
  })
  .nullable()
  .transform((value) => value ?? { severity: 'warning' as const, state: [], locks: [], values: {} });

const terraform = z.strictObject({
  path: repositoryPath.describe('Folder of the root module, from the root of the repository.'),
  varFiles: z
    .array(repositoryPath)
    .max(50)
    .default([])
    .describe('Variable files, from the root module or else from the root of the repository.'),
  vars: z.record(z.string(), scalarText).default({}).describe('Variables.'),
  backendConfig: z.record(z.string(), scalarText).default({}).describe('Values of a partial backend configuration.'),
  workspace: text('a workspace', 90).optional().describe('Workspace to look at. Default: default.'),
  tool: z
    .enum(['terraform', 'tofu'], { error: 'write terraform or tofu' })
    .default('terraform')
    .describe('Default: terraform.'),
  version: z
    .string({ error: 'write the version in quotes: "1.11.4"' })
    .regex(/^\d+\.\d+\.\d+(-[a-z0-9]+)?$/, 'write an exact version, such as 1.11.4')
    .optional()
    .describe('Exact version. Default: the one on PATH.'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'write the name of an environment variable'), secretReference)
    .default({})
    .describe('Secrets given to the tool as environment variables.'),
});

const schedule = z
  .string({ error: 'write a schedule as rate(1 hour) or cron(0 8 ? * MON-FRI *)' })
  .superRefine((value, context) => {
    try {
      parseSchedule(value);
    } catch (error) {
      if (!(error instanceof ScheduleError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
  });

const target = z
  .strictObject({
    in: z
      .array(z.string({ error: 'write the name of an environment' }), {
        error: 'write the environments as a list: in: [prod]',
      })
      .min(1, 'write at least one environment: in: [prod]')
      .describe('Environments this target is instantiated for.'),
    source: z
      .string({ error: 'write the name of a source' })
      .optional()
      .describe('Source that declares it. Absent: it lies beside this file and is only checked locally.'),
    schedule: schedule.optional().describe('When to look: rate(…) or cron(…) in UTC.'),
    severity: severity.optional().describe("Who is told. Default: the environment's."),
    minCoverage: z
      .number({ error: 'write a number from 0 to 1' })
      .min(0, 'write a number from 0 to 1')
      .max(1, 'write a number from 0 to 1')
      .default(1)
      .describe('Part that must be seen, else the verdict is unknown. Default: 1.'),
    timeout: duration
      .optional()
      .describe(
        'How long a check may take. Default: 30m, at most 55m; of nodes at most 50m; of kubernetes 10m, at most 14m.',
      ),
    enabled: z
      .boolean({ error: 'write true or false' })
      .default(true)
      .describe('false: paused, nothing runs and nothing pages. Default: true.'),
    observe: z
      .boolean({ error: 'write true or false' })
      .default(false)
      .describe('true: a baseline, findings are recorded and none of them pages. Default: false.'),
    retired: z
      .boolean({ error: 'write true or false' })
      .default(false)
      .describe('true: what is open is closed, before the target is taken out of this file. Default: false.'),
    allowOtherCommits: z
      .boolean({ error: 'write true or false' })
      .default(false)
      .describe(
        'true: people may have the head of another branch or tag checked, with the same rights; never for nodes. Default: false.',
      ),
    confirm: duration
      .refine((seconds) => seconds <= 3600, 'a confirmation comes at most 1h later')
      .optional()
      .describe(
        'New drift pages when a second look, so much later, has found it too; 0s: at once. Default: of terraform 2m, else 0s.',
      ),
    pendingGrace: duration
      .default(7200)
      .describe('Drift that is merged and not applied pages after this. Default: 2h.'),
    terraform: terraform.optional().describe('Checked with terraform plan.'),
    nodes: nodes.optional().describe('Hosts, checked with ansible-playbook --check --diff.'),
    kubernetes: kubernetes.optional().describe('Manifests, compared with the objects of a cluster by reading alone.'),
  })
  .superRefine((written, context) => {
    for (const { path, message } of layerProblems(written))
      context.addIssue({ code: 'custom', path: [...path], message });
  });

const notify = z.strictObject({
  pagerduty: z
    .strictObject({ parameter: text('the name of an SSM parameter') })
    .optional()
    .describe('SSM parameter that holds the address of a PagerDuty CloudWatch integration.'),
  email: z.array(z.email('write an e-mail address')).max(20).default([]).describe('E-mail addresses.'),
});

/** `plumbline.yaml` as it is written. */
export const configFileSchema = z.strictObject({
  version: z.literal(1, { error: 'write version: 1' }),
  sources: z.record(name, source).default({}).describe('Git repositories by name.'),
  environments: z.record(name, environment).describe('Accounts, regions and roles by name.'),
  targets: z.record(name, target).describe('What is compared, by name; it becomes <environment>/<name>.'),
  notify: z.partialRecord(severity, notify).default({}).describe('Who is told, by severity.'),
  webhookConcurrency: z
    .int({ error: 'write a number from 1 to 100' })
    .min(1, 'write a number from 1 to 100')
    .max(100, 'write a number from 1 to 100')
    .optional()
    .describe(
      'Webhook deliveries handled at once, reserved for them. Default: not reserved, as a young account has none.',
    ),
  ...ruleLists,
  windows: windowList,
});
export type ConfigFile = z.infer<typeof configFileSchema>;

/** Keys that the design names and this version does not do yet: a clear error, never silently accepted. */
export const LATER_KEYS: ReadonlySet<string> = new Set(['retention', 'budget']);

/** The JSON Schema for editors. */
export function configJsonSchema(): unknown {
  return { title: 'plumbline.yaml', ...z.toJSONSchema(configFileSchema, { io: 'input', unrepresentable: 'any' }) };
}
