import { clone, isObject, type Json, type JsonObject, listAt, textAt } from './json.ts';
import { itemsOf, recording } from './recording.ts';
import { RECORDED_GROUP, type Resource, type Resources } from './resources.ts';

/** The form of discovery that takes two answers in all. */
export const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Whether a client takes all of discovery in two answers. */
export const wantsAggregated = (accept: string): boolean =>
  accept.split(',').some((offer) => /;as=APIGroupDiscoveryList\b/.test(offer) && /;v=v2\b/.test(offer));

/** `/api` and `/apis` in the aggregated form. */
export function aggregated(root: '/api' | '/apis', resources: Resources): JsonObject {
  const recorded = clone(recording.answer(root, `${AGGREGATED},application/json`));
  const groups = itemsOf(recorded).filter((group) => textAt(group, 'metadata', 'name') !== RECORDED_GROUP);
  const custom = root === '/api' ? [] : customGroups(resources);
  const silent =
    root === '/api'
      ? []
      : unavailable(resources).map(({ group, version }) => ({
          metadata: { name: group },
          versions: [{ version, freshness: 'Stale' }],
        }));
  return { ...recorded, items: [...groups, ...custom, ...silent] };
}

const unavailable = (resources: Resources): readonly { readonly group: string; readonly version: string }[] =>
  [...resources.unavailable].map((named) => {
    const [group = '', version = ''] = named.split('/');
    return { group, version };
  });

function customGroups(resources: Resources): readonly JsonObject[] {
  return groupNames(resources).map((name) => ({
    metadata: { name },
    versions: versionsOf(resources, name).map((version) => ({
      version,
      resources: resources
        .custom()
        .filter((one) => one.group === name && one.version === version)
        .map(
          (one): Json => ({
            resource: one.plural,
            responseKind: { group: one.group, version: one.version, kind: one.kind },
            scope: one.namespaced ? 'Namespaced' : 'Cluster',
            singularResource: one.singular,
            verbs: [...one.verbs],
            ...namesOf(one),
            ...(one.subresources.length === 0
              ? {}
              : { subresources: one.subresources.map((subresource) => aggregatedPart(one, subresource)) }),
          }),
        ),
      freshness: 'Current',
    })),
  }));
}

function aggregatedPart(resource: Resource, subresource: string): JsonObject {
  const { group, version, kind } = partKind(resource, subresource);
  return { subresource, responseKind: { group, version, kind }, verbs: ['get', 'patch', 'update'] };
}

const partKind = (resource: Resource, subresource: string) =>
  subresource === 'scale' ? { group: 'autoscaling', version: 'v1', kind: 'Scale' } : resource;

function namesOf(resource: Resource): JsonObject {
  const [shortNames, categories] = [
    listAt(resource.custom ?? {}, 'names', 'shortNames'),
    listAt(resource.custom ?? {}, 'names', 'categories'),
  ];
  return {
    ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
    ...(categories.length === 0 ? {} : { categories: [...categories] }),
  };
}

const groupNames = (resources: Resources): readonly string[] =>
  [...new Set(resources.custom().map((one) => one.group))].sort();
const versionsOf = (resources: Resources, group: string): readonly string[] => [
  ...new Set(resources.custom().flatMap((one) => (one.group === group ? [one.version] : []))),
];

/** `/apis`: every group with its versions. */
export function groupList(resources: Resources): JsonObject {
  const recorded = clone(recording.answer('/apis'));
  const groups = listAt(recorded, 'groups').filter((group) => textAt(group, 'name') !== RECORDED_GROUP);
  const custom = groupNames(resources).map((name): Json => {
    const versions = versionsOf(resources, name).map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions, preferredVersion: versions[0] ?? {} };
  });
  const silent = unavailable(resources).map(({ group, version }): Json => {
    const named = { groupVersion: `${group}/${version}`, version };
    return { name: group, versions: [named], preferredVersion: named };
  });
  return { ...recorded, groups: [...groups, ...custom, ...silent] };
}

/** `/apis/<group>`, or null where it is not served. */
export function groupOf(resources: Resources, name: string): JsonObject | null {
  const found = listAt(groupList(resources), 'groups').find((group) => textAt(group, 'name') === name);
  return isObject(found) ? { kind: 'APIGroup', apiVersion: 'v1', ...found } : null;
}

/** The kinds of a group version, or null where it is not served. */
export function resourceList(resources: Resources, group: string, version: string): JsonObject | null {
  const custom = resources.custom().filter((one) => one.group === group && one.version === version);
  if (custom.length > 0) {
    const listed = custom.flatMap((one): readonly Json[] => [
      {
        name: one.plural,
        singularName: one.singular,
        namespaced: one.namespaced,
        kind: one.kind,
        verbs: [...one.verbs],
        ...namesOf(one),
        storageVersionHash: Buffer.from(`${one.group}/${one.kind}`).toString('base64').slice(0, 11).concat('='),
      },
      ...one.subresources.map((subresource): Json => {
        const part = partKind(one, subresource);
        const other = subresource === 'scale' ? { group: part.group, version: part.version } : {};
        const verbs = ['get', 'patch', 'update'];
        return {
          name: `${one.plural}/${subresource}`,
          singularName: '',
          namespaced: one.namespaced,
          ...other,
          kind: part.kind,
          verbs,
        };
      }),
    ]);
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${group}/${version}`, resources: listed };
  }
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const isRecorded = recording.requests().some((one) => one.path === path && one.status === 200);
  return isRecorded && group !== RECORDED_GROUP ? recording.answer(path) : null;
}

/** `/version` of the recorded server. */
export const version = (): JsonObject => recording.answer('/version');
