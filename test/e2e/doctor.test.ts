import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { Cluster } from '#sandbox/kubernetes/cluster.ts';
import { type Certificates, makeCertificates } from '#sandbox/tls.ts';
import { type Ended, plumbline } from './command.ts';
import { ACCOUNT, FakeAws, ROLE } from './fake-aws.ts';

const ACCESS = path.resolve(import.meta.dirname, '../../infra/cluster-access');
const READER = path.join(ACCESS, 'reader.yaml');

const base = mkdtempSync(path.join(tmpdir(), 'plumbline-doctor-'));
let certificates: Certificates;
let aws: FakeAws;
let cluster: Cluster;
let repo: string;
let count = 0;

beforeAll(async () => {
  certificates = await makeCertificates(base);
  aws = await FakeAws.start(certificates);
});
afterAll(async () => {
  await aws.stop();
  rmSync(base, { recursive: true, force: true });
});

beforeEach(async () => {
  count += 1;
  repo = path.join(base, `repository-${count}`);
  mkdirSync(path.join(repo, 'k8s'), { recursive: true });
  const account = {
    ...{ endpoint: aws.url, ca: readFileSync(certificates.ca, 'utf8'), region: 'eu-west-1' },
    entry: async (_cluster: string, principal: string) =>
      principal.endsWith('/admin')
        ? { username: 'admin', groups: ['admins'] }
        : { username: 'viewer', groups: ['viewers'] },
  };
  cluster = await Cluster.start({ name: 'prod', dir: path.join(base, `cluster-${count}`), certificates, account });
  aws.reset(cluster);
  await bind('admins', 'cluster-admin');
  writeFileSync(path.join(repo, 'k8s/shop.yaml'), MANIFESTS);
  return () => cluster.stop();
});

const MANIFESTS = `
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: web, namespace: shop }
data: { size: small }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { ports: [{ port: 80 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: web }] }
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: mail, namespace: mail }
spec:
  schedule: '@daily'
  jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: mail, image: mail }] } } } }
`;
/** Namespaces, config maps, services, deployments, cron jobs; and autoscalers, for the replicas. */
const KINDS = 6;

const eks = `{ account: "${ACCOUNT}", region: eu-west-1, role: acme, severity: critical, cluster: { eks: prod } }`;
const own = (file: string): string => `{ severity: critical, cluster: { kubeconfig: ${file} } }`;

const secret = eks.replace('{ eks: prod }', '{ kubeconfig: { secret: acme/kubeconfig } }');

function config(environment: string, more = ''): void {
  const served = environment === eks || environment === secret;
  writeFileSync(
    path.join(repo, 'plumbline.yaml'),
    `version: 1
${served ? 'sources: { infra: { url: "https://git.example/infra.git", ref: main } }' : ''}
environments: { prod: ${environment} }
targets:
  shop: { in: [prod], ${served ? 'source: infra, schedule: rate(1 hour),' : ''} kubernetes: { manifests: k8s${more} } }
${served ? 'notify: { critical: { email: [ops@acme.example] } }' : ''}
`,
  );
}

const apply = (object: object): Promise<string> =>
  cluster.kubectlWith({ stdin: JSON.stringify(object) }, 'apply', '-f', '-');
const roleBinding = (name: string, group: string, role: string) => ({
  ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name } },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group }],
});
const bind = (group: string, role: string): Promise<string> => apply(roleBinding(`${group}-${role}`, group, role));
/** The group `plumbline`, in one namespace. */
async function bindIn(namespace: string, role: string): Promise<void> {
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const binding = roleBinding(role, 'plumbline', role);
  await apply({ ...binding, kind: 'RoleBinding', metadata: { name: role, namespace } });
}
const clusterRole = (name: string, rules: readonly object[]) =>
  apply({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules });

const diagnosis = z.strictObject({ ok: z.boolean(), about: z.string(), text: z.string() });

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return plumbline(['doctor', ...args], {
    cwd: repo,
    env: {
      ...{ AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'not-a-secret', AWS_ENDPOINT_URL: aws.url },
      ...{ NODE_EXTRA_CA_CERTS: certificates.ca, AWS_EC2_METADATA_DISABLED: 'true', ...env },
    },
  });
}

/** What is not well, and how it ended. */
async function complaints(env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const ended = await run(['--json'], env);
  expect(ended.stderr).toBe('');
  const found = z.array(diagnosis).parse(JSON.parse(ended.stdout));
  expect(found.length).toBeGreaterThan(1);
  const wrong = found.filter(({ ok }) => !ok);
  expect(ended.code).toBe(wrong.length === 0 ? 0 : 1);
  return wrong.map(({ about, text }) => `${about}: ${text}`);
}

describe('an EKS cluster', () => {
  test('all is well with what lies in infra/cluster-access, in few questions and without a change', async () => {
    config(eks);
    await cluster.apply(READER);
    cluster.forgetRequests();
    const ended = await run([]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^✓ git {14} {2}git version /),
      `✓ prod account       ${ACCOUNT}, as ${aws.caller}`,
      `✓ prod cluster       Kubernetes v1.36.2 at ${cluster.server}`,
      `✓ prod access entry  ${ROLE} is in plumbline`,
      '✓ prod kinds         all 5 kinds of 5 declared objects are served',
      `✓ prod reads         the group plumbline may get and list all ${KINDS} kinds that checks read`,
      '✓ prod writes        the group plumbline may write none of them',
    ]);
    const asked = cluster.requests();
    expect(asked.length).toBeLessThan(40);
    expect(asked.filter((line) => !/^GET |^POST \/apis\/authorization\.k8s\.io\/v1\/selfsubject/.test(line))).toEqual(
      [],
    );
  });

  test('whatever has to be declared may be read with it too', async () => {
    config(eks, ', orphans: { label: app=web, namespaces: [shop] }');
    await cluster.apply(READER);
    expect(await complaints()).toEqual([]);
  });

  test('nothing that was made ready: neither the entry nor the role', async () => {
    config(eks);
    aws.entry = null;
    expect(await complaints()).toEqual([
      `prod access entry: ${ROLE} has none: write accessEntry: true in the environment's cluster and deploy, or run: aws eks create-access-entry --cluster-name prod --region eu-west-1 --principal-arn ${ROLE} --kubernetes-groups plumbline`,
      `prod reads: the group plumbline may list none of the ${KINDS} kinds that checks read: run: kubectl apply -f infra/cluster-access/reader.yaml`,
    ]);
  });

  test('an entry in other groups, whose rights count too, and with a policy beside RBAC', async () => {
    config(eks);
    await cluster.apply(READER);
    await bind('deployers', 'cluster-admin');
    aws.entry = { kubernetesGroups: ['deployers'] };
    aws.policies = ['AmazonEKSEditPolicy', 'AmazonEKSViewPolicy'];
    const which = `--cluster-name prod --region eu-west-1 --principal-arn ${ROLE}`;
    expect(await complaints()).toEqual([
      `prod access entry: ${ROLE} is in deployers, not in plumbline; run: aws eks update-access-entry ${which} --kubernetes-groups deployers plumbline`,
      `prod access entry: ${ROLE} has arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy, which is more than reading; run: aws eks disassociate-access-policy ${which} --policy-arn arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy`,
      'prod writes: the groups deployers, plumbline may create, update, patch, delete anything in namespaces shop, mail: take it away, Plumbline only reads',
      'prod writes: the groups deployers, plumbline may get pods/exec and nodes/proxy, which does more than read: name the resources one by one, as infra/cluster-access/reader.yaml does',
    ]);
  });

  test('a name of its own, to which rights are bound', async () => {
    config(eks);
    aws.entry = { username: 'plumbline-user', kubernetesGroups: ['plumbline'] };
    const binding = roleBinding('named', 'plumbline-user', 'view');
    const subject = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'plumbline-user' };
    await apply({ ...binding, subjects: [subject] });
    expect(await complaints()).toEqual([]);
    await apply({ ...binding, subjects: [{ ...subject, name: 'somebody-else' }] });
    expect(await complaints()).toEqual([expect.stringMatching(/^prod reads: .* may list none of the 6 kinds/)]);
  });

  test('a role that may patch, here and there', async () => {
    config(eks);
    await cluster.apply(READER);
    await clusterRole('scaler', [{ apiGroups: ['apps'], resources: ['deployments/scale'], verbs: ['get', 'patch'] }]);
    await bind('plumbline', 'scaler');
    await bindIn('mail', 'edit');
    const found = await complaints();
    expect(found).toContain(
      'prod writes: the group plumbline may patch deployments.apps in namespaces shop, mail: take it away, Plumbline only reads',
    );
    expect(found.join('\n')).toMatch(
      /may create, update, patch, delete .*cronjobs\.batch.* in namespace mail: take it/,
    );
    expect(found.filter((line) => !line.startsWith('prod writes'))).toEqual([]);
  });

  test('a role in some of the namespaces, and custom resources that it does not name', async () => {
    config(eks);
    await cluster.apply(READER);
    await cluster.kubectl('delete', 'clusterrolebinding', 'plumbline-reader');
    await bindIn('shop', 'plumbline-reader');
    await apply(CERTIFICATES);
    writeFileSync(
      path.join(repo, 'k8s/certificate.yaml'),
      'apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: { name: web, namespace: shop }\n',
    );
    expect(await complaints()).toEqual([
      'prod reads: the group plumbline may not list namespaces: run: kubectl apply -f infra/cluster-access/reader.yaml',
      'prod reads: the group plumbline may not list certificates.cert-manager.io in namespace shop: add to the ClusterRole plumbline-reader { apiGroups: [cert-manager.io], resources: [certificates], verbs: [get, list] }',
      'prod reads: the group plumbline may not list cronjobs.batch in namespace mail: run: kubectl apply -f infra/cluster-access/reader.yaml',
    ]);
  });

  test('to list is not to get', async () => {
    config(eks);
    await cluster.apply(READER);
    const reader = await cluster.kubectl('get', 'clusterrole', 'plumbline-reader', '-o', 'json');
    await cluster.kubectlWith({ stdin: reader.replaceAll('"get",', '') }, 'replace', '-f', '-');
    const remedy = 'run: kubectl apply -f infra/cluster-access/reader.yaml';
    expect(await complaints()).toEqual([
      `prod reads: the group plumbline may not get namespaces: ${remedy}`,
      `prod reads: the group plumbline may not get configmaps, services, deployments.apps, horizontalpodautoscalers.autoscaling in namespace shop: ${remedy}`,
      `prod reads: the group plumbline may not get cronjobs.batch in namespace mail: ${remedy}`,
    ]);
  });

  test('somebody who may not ask for others: it is not proved', async () => {
    config(eks);
    await cluster.apply(READER);
    await bind('viewers', 'view');
    aws.caller = `arn:aws:sts::${ACCOUNT}:assumed-role/viewer/bob`;
    expect(await complaints()).toEqual([
      `prod rights: of the group plumbline cannot be proved: ${cluster.server} does not let you ask in the name of the group plumbline: ask a cluster admin to run it, or for the verb impersonate on users and groups`,
    ]);
    await clusterRole('asking', [{ apiGroups: [''], resources: ['users', 'groups'], verbs: ['impersonate'] }]);
    await bind('viewers', 'asking');
    expect(await complaints()).toEqual([]);
  });

  test('credentials of another account, which may not look at entries', async () => {
    config(eks);
    await cluster.apply(READER);
    aws.caller = 'arn:aws:sts::333333333333:assumed-role/admin/alice';
    aws.refused = 'AccessDeniedException';
    expect(await complaints()).toEqual([
      `prod account: is ${ACCOUNT}, and these AWS credentials are ${aws.caller}: choose others, such as by AWS_PROFILE`,
      `prod access entry: of ${ROLE} may not be looked at: allow eks:DescribeAccessEntry and eks:ListAssociatedAccessPolicies to you`,
    ]);
  });

  test('no credentials at all', async () => {
    config(eks);
    const [account, reached, ...others] = await complaints({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
    expect(account).toBe('prod account: there are no AWS credentials: set AWS_PROFILE, or run "aws sso login"');
    expect(reached).toMatch(/^prod cluster: the EKS cluster prod in eu-west-1 cannot be described with these AWS/);
    expect(others).toEqual([]);
  });
});

describe('a cluster whose kubeconfig is in a secret', () => {
  const SERVICE = 'system:serviceaccount:plumbline:plumbline';

  beforeEach(() => {
    cluster.addUser('service-token', { name: SERVICE, groups: ['system:serviceaccounts'] });
    aws.secret = readFileSync(cluster.kubeconfigOf('service', 'service-token'), 'utf8');
    config(secret);
  });

  test('is asked as the user in it', async () => {
    await cluster.apply(READER);
    expect(await complaints()).toEqual([
      `prod reads: the user of the secret's kubeconfig may list none of the ${KINDS} kinds that checks read: run: kubectl apply -f infra/cluster-access/reader.yaml -f infra/cluster-access/service-account.yaml`,
    ]);
    await cluster.apply(path.join(ACCESS, 'service-account.yaml'));
    expect(await complaints()).toEqual([]);
  });

  test('a user who may do anything', async () => {
    aws.secret = readFileSync(cluster.kubeconfig, 'utf8');
    expect(await complaints()).toEqual([
      expect.stringMatching(
        /^prod writes: .* may create, update, patch, delete anything in namespaces shop, mail: take/,
      ),
      expect.stringMatching(/^prod writes: .* may get pods\/exec and nodes\/proxy, which does more than read/),
    ]);
  });

  test('a secret that is none', async () => {
    aws.secret = 'password';
    expect(await complaints()).toEqual([expect.stringMatching(/^prod cluster: the secret holds no kubeconfig: store/)]);
  });
});

test("the cluster's own answers to kubectl in the name of others are those that doctor goes by", async () => {
  await cluster.apply(READER);
  const as = (...args: readonly string[]): Promise<string> => cluster.kubectl('get', 'configmaps', '-A', ...args);
  expect(await as('--as=somebody', '--as-group=plumbline')).toContain('kube-root-ca.crt');
  const canI = ['auth', 'can-i', 'list', 'secrets', '-A', '--as=somebody', '--as-group=plumbline'];
  expect(await cluster.kubectl(...canI)).toBe('yes');
  await expect(as('--as=somebody')).rejects.toThrow(/User "somebody" cannot list resource "configmaps"/);
  cluster.addUser('bob-token', { name: 'bob', groups: [] });
  const bob = { env: { KUBECONFIG: cluster.kubeconfigOf('bob', 'bob-token') } };
  const asked = cluster.kubectlWith(bob, 'get', 'configmaps', '--as=somebody', '--as-group=plumbline');
  await expect(asked).rejects.toThrow(/users "somebody" is forbidden: User "bob" cannot impersonate resource "users"/);
});

describe("a person's own cluster", () => {
  test('what a person may do is all that a local check needs', async () => {
    config(own(cluster.kubeconfig));
    expect(await complaints()).toEqual([]);
    cluster.addUser('bob-token', { name: 'bob', groups: [] });
    config(own(cluster.kubeconfigOf('bob', 'bob-token')));
    const [reads, ...others] = await complaints();
    expect(others).toEqual([]);
    expect(reads).toMatch(
      /^prod reads: you may list none of the 6 .*: ask an admin of the cluster for \{ apiGroups: \[""\], resources: \[namespaces, configmaps, services\], verbs: \[get, list\] \}, /,
    );
  });

  test('a cluster that is down', async () => {
    config(own(cluster.kubeconfig));
    await cluster.stop();
    expect(await complaints()).toEqual([
      `prod cluster: ${cluster.server} refused the connection: is it up, and reachable from here? A private endpoint needs kubernetes.vpc`,
    ]);
  });

  test('kinds that are not served, and a manifest that is none', async () => {
    config(own(cluster.kubeconfig));
    writeFileSync(path.join(repo, 'k8s/more.yaml'), `${OTHERS}---\nkind: Broken\n`);
    expect(await complaints()).toEqual([
      expect.stringMatching(/^prod\/shop manifests: k8s\/more\.yaml:\d+: Missing key: 'apiVersion'/),
      'prod kinds: cert-manager.io/v1 Certificate is not served: install its CustomResourceDefinition, or mend apiVersion and kind in the manifests',
      'prod kinds: policy/v1beta1 PodDisruptionBudget is not served by the cluster, which has PodDisruptionBudget as policy/v1: change apiVersion in the manifests',
    ]);
  });

  test('manifests that cannot be rendered, and a machine without git', async () => {
    config(own(cluster.kubeconfig), '/gone');
    const found = await complaints({ PATH: '/nonexistent' });
    expect(found).toEqual([
      'git: is not on the PATH: install it, so that reports can name the commit',
      expect.stringMatching(/^prod\/shop manifests: .*k8s\/gone/),
    ]);
  });
});

test('a target that there is not: exit 1 on stderr', async () => {
  config(own(cluster.kubeconfig));
  const ended = await run(['prod/shp']);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toMatch(/there is no target prod\/shp; near are prod\/shop/);
});

const OTHERS = `apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: web }
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: { name: web }
`;

const CERTIFICATES = {
  ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
  metadata: { name: 'certificates.cert-manager.io' },
  spec: {
    ...{ group: 'cert-manager.io', scope: 'Namespaced' },
    names: { plural: 'certificates', singular: 'certificate', kind: 'Certificate', listKind: 'CertificateList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};
