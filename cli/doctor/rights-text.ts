import { type Diagnosis, ill, well } from './diagnosis.ts';
import type { Refusal, Writable } from './rights.ts';
import { resourceName, type WantedKind } from './wanted.ts';

/** Whose rights they are. `role`: the service's in EKS; `account`: the service's with a kubeconfig from a secret. */
export interface Whose {
  readonly kind: 'role' | 'account' | 'person';
  /** `the group plumbline` */
  readonly subject: string;
}

const READER = 'kubectl apply -f infra/cluster-access/reader.yaml';
const APPLY = { role: READER, account: `${READER} -f infra/cluster-access/service-account.yaml` } as const;
const MAX_NAMED = 12;

/** Whether everything may be read. */
export function readsText(
  environment: string,
  { kind: whose, subject }: Whose,
  kinds: readonly WantedKind[],
  refusals: readonly Refusal[],
): readonly Diagnosis[] {
  const about = `${environment} reads`;
  if (refusals.length === 0) {
    return [well(about, `${subject} may get and list all ${kinds.length} kinds that checks read`)];
  }
  const unlisted = refusals.filter(
    ({ verb, kind, namespaces }) =>
      verb === 'list' && (namespaces === null || namespaces.length === kind.namespaces.length),
  );
  if (unlisted.length === kinds.length && kinds.length > 1) {
    const all = `${subject} may list none of the ${kinds.length} kinds that checks read`;
    return [ill(about, `${all}: ${remedyOf(whose, kinds)}`)];
  }
  const groups = Map.groupBy(refusals, ({ verb, namespaces }) => `${verb} ${namespaces?.join(' ')}`);
  return [...groups.values()].map((group) => {
    const [verb, namespaces] = [group[0]?.verb, group[0]?.namespaces ?? null];
    const refused = group.map(({ kind }) => kind);
    const what = named(refused.map(({ group: of, resource }) => resourceName(of, resource)));
    return ill(about, `${subject} may not ${verb} ${what}${whereOf(namespaces)}: ${remedyOf(whose, refused)}`);
  });
}

/** reader.yaml opens what Kubernetes brings with it; the rest needs rules. */
function remedyOf(whose: Whose['kind'], kinds: readonly WantedKind[]): string {
  if (whose === 'person') return `ask an admin of the cluster for ${rulesOf(kinds)}`;
  const custom = kinds.filter(({ isBuiltin }) => !isBuiltin);
  const apply = custom.length === kinds.length ? [] : [`run: ${APPLY[whose]}`];
  const add = custom.length === 0 ? [] : [`add to the ClusterRole plumbline-reader ${rulesOf(custom)}`];
  return [...add, ...apply].join(', and ');
}

function rulesOf(kinds: readonly WantedKind[]): string {
  const groups = Map.groupBy(kinds, ({ group }) => group);
  return [...groups]
    .map(([group, members]) => {
      const resources = members.map(({ resource }) => resource).join(', ');
      return `{ apiGroups: [${group === '' ? '""' : group}], resources: [${resources}], verbs: [get, list] }`;
    })
    .join(', ');
}

/** Whether nothing of it may be written. */
export function writesText(
  environment: string,
  { subject }: Whose,
  writable: readonly Writable[],
  runs: readonly string[],
): readonly Diagnosis[] {
  const about = `${environment} writes`;
  if (writable.length === 0 && runs.length === 0) return [well(about, `${subject} may write none of them`)];
  const whats = Map.groupBy(writable, ({ what, namespaces }) => `${what} ${namespaces?.join(' ')}`);
  const alike = Map.groupBy(whats.values(), (group) => {
    const verbs = group.map(({ verb }) => verb).join(', ');
    return `${verbs} ${group[0]?.namespaces?.join(' ')}`;
  });
  const writes = [...alike.values()].map((groups) => {
    const verbs = (groups[0] ?? []).map(({ verb }) => verb).join(', ');
    const what = named(groups.map((group) => group[0]?.what ?? ''));
    const where = whereOf(groups[0]?.[0]?.namespaces ?? null);
    return ill(about, `${subject} may ${verbs} ${what}${where}: take it away, Plumbline only reads`);
  });
  if (runs.length === 0) return writes;
  const running = `${subject} may get ${runs.join(' and ')}, which does more than read`;
  return [...writes, ill(about, `${running}: name the resources one by one, as infra/cluster-access/reader.yaml does`)];
}

function whereOf(namespaces: readonly string[] | null): string {
  if (namespaces === null) return '';
  return ` in namespace${namespaces.length === 1 ? '' : 's'} ${named(namespaces)}`;
}

function named(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return `${names.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
