import * as z from 'zod';
import { repositoryPath, scalarText, secretReference, text } from './scalars.ts';

const HOST = /^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?(:\d{1,5})?$/;
const KIND = /^([a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?\/)?[A-Z][A-Za-z0-9]{0,62}$/;
/** Both sides of a label selector; `${…}` stands for what is filled in later. */
const LABEL = /^[^\s=!,()]{1,320}=[^\s=!,()]{1,200}$/;

const list = <T extends z.ZodType>(entry: T, what: string, max: number) =>
  z.array(entry, { error: `write ${what} as a list: [a, b]` }).max(max, `at most ${max} are possible`);

const manifests = z
  .union(
    [repositoryPath, z.array(repositoryPath).min(1, 'write at least one path').max(100, 'at most 100 are possible')],
    {
      error: 'write a path, or a list of paths: k8s or [k8s/base, "k8s/*.yaml"]',
    },
  )
  .transform((paths) => (typeof paths === 'string' ? [paths] : paths));

const jsonnet = z.strictObject({
  ext: z.record(z.string(), scalarText).default({}).describe('External variables, as texts. Default: none.'),
  tla: z.record(z.string(), scalarText).default({}).describe('Top-level arguments, as texts. Default: none.'),
  importPaths: list(repositoryPath, 'the folders', 20)
    .default([])
    .describe('Folders that imports are looked up in, from the root of the repository. Default: none.'),
});

const orphans = z
  .strictObject({
    label: text('a label')
      .regex(LABEL, 'write a label and its value, such as app.kubernetes.io/managed-by=git')
      .exactOptional()
      .describe('Objects with this label have to be declared, such as app.kubernetes.io/managed-by=git.'),
    namespaces: list(text('a namespace', 100), 'the namespaces', 200)
      .default([])
      .describe('All objects in these namespaces have to be declared. Default: none.'),
  })
  .refine(
    ({ label, namespaces }) => label !== undefined || namespaces.length > 0,
    'write which objects have to be declared: label: name=value, namespaces: [name], or both',
  );

const vpc = z.strictObject({
  subnets: list(text('a subnet').regex(/^subnet-[0-9a-f]{8,17}$/, 'write the id of a subnet: subnet-…'), 'them', 16)
    .min(1, 'write at least one subnet')
    .describe('Subnets the function runs in.'),
  // What Lambda takes: https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html
  securityGroups: list(
    text('a group').regex(/^sg-[0-9a-f]{8,17}$/, 'write the id of a security group: sg-…'),
    'them',
    5,
  )
    .min(1, 'write at least one security group')
    .describe('Security groups of the function; they reach the cluster, git, and the APIs of AWS.'),
});

/** `kubernetes` of a target as it is written. */
export const kubernetes = z
  .strictObject({
    manifests: manifests.describe('Folders, files or globs; one folder for kustomize and helm, files for jsonnet.'),
    render: z
      .enum(['plain', 'kustomize', 'helm', 'jsonnet'], { error: 'write plain, kustomize, helm or jsonnet' })
      .default('plain')
      .describe('What makes manifests of it. Default: plain.'),
    namespace: text('a namespace', 100)
      .default('default')
      .describe('Where objects without a namespace belong. Default: default.'),
    values: list(repositoryPath, 'the files', 20)
      .default([])
      .describe('Values files of a chart, from the root of the repository; later ones win. Default: none.'),
    release: text('a name', 100).optional().describe("Name of the Helm release. Default: the target's name."),
    jsonnet: jsonnet
      .default({ ext: {}, tla: {}, importPaths: [] })
      .describe('What a jsonnet program is run with. Default: nothing.'),
    hosts: list(text('a host').regex(HOST, 'write the name of a host, such as charts.acme.example'), 'the hosts', 20)
      .default([])
      .describe('Hosts that remote bases and chart dependencies may be fetched from. Default: none.'),
    orphans: orphans.exactOptional().describe('Live objects that have to be declared. Default: none.'),
    appliers: list(text('a field manager', 128), 'the field managers', 50)
      .default([])
      .describe('Field managers that apply what git says, beyond the usual ones. Default: none.'),
    people: list(text('a field manager', 128), 'the field managers', 50)
      .default([])
      .describe('Field managers that are people, beyond the usual ones; * is any text. Default: none.'),
    secretKinds: list(
      text('a kind').regex(KIND, 'write a kind, such as SealedSecret or bitnami.com/SealedSecret'),
      'the kinds',
      50,
    )
      .default([])
      .describe('Kinds whose values are as secret as those of a Secret. Default: none.'),
    vpc: vpc.exactOptional().describe('Where the function runs to reach a private endpoint. Default: in no VPC.'),
  })
  .superRefine(({ render, manifests, values, release, jsonnet }, context) => {
    const wrong = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if ((render === 'kustomize' || render === 'helm') && manifests.length > 1)
      wrong('manifests', `is one folder for ${render}; make a target of each`);
    if (render !== 'helm' && values.length > 0) wrong('values', 'are those of a chart: write render: helm');
    if (render !== 'helm' && release !== undefined) wrong('release', 'is that of a chart: write render: helm');
    const program = Object.keys(jsonnet.ext).length + Object.keys(jsonnet.tla).length + jsonnet.importPaths.length;
    if (render !== 'jsonnet' && program > 0) wrong('jsonnet', 'is for a jsonnet program: write render: jsonnet');
  });
export type KubernetesFile = z.infer<typeof kubernetes>;

const context = text('a context').exactOptional().describe('Context of the kubeconfig. Default: its current one.');

/** `cluster` of an environment as it is written. */
export const cluster = z.union(
  [
    z.strictObject({
      eks: text('a name')
        .regex(/^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$/, 'write the name of an EKS cluster')
        .describe('Name of an EKS cluster in the account and region of the environment.'),
      accessEntry: z
        .boolean({ error: 'write true or false' })
        .exactOptional()
        .describe('true: the deployment lets the role in, as the group plumbline. Default: false, a person does.'),
    }),
    z.strictObject({
      kubeconfig: z
        .union([text('a file'), secretReference])
        .describe('Secret or parameter that holds a kubeconfig; or a file, for local checks alone.'),
      context,
    }),
  ],
  {
    error:
      'write { eks: name }, { kubeconfig: { secret: name }, context: name }, or for local checks { kubeconfig: path, context: name }',
  },
);
