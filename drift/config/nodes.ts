import type { NodeSelect, NodesCheck, SecretReference } from '../target.ts';
import type { Path } from './errors.ts';
import type { Expand } from './kubernetes.ts';
import type { Mistake } from './mistake.ts';
import type { NodesFile } from './nodes-schema.ts';

/** `nodes` of a target for one environment. */
export function resolveNodes(file: NodesFile, expand: Expand, at: Path): NodesCheck {
  const { select, inventory, limit, vaultPassword } = file;
  const one = (text: string, key: string): string => expand(text, [...at, key]);
  const list = (texts: readonly string[], key: string): readonly string[] =>
    texts.map((text, index) => expand(text, [...at, key, index]));
  const variables = Object.entries(file.extraVars);
  return {
    playbook: one(file.playbook, 'playbook'),
    ...(select === undefined ? {} : { select: resolveSelect(select, expand, [...at, 'select']) }),
    ...(inventory === undefined ? {} : { inventory: one(inventory, 'inventory') }),
    extraVars: Object.fromEntries(
      variables.flatMap(([name, value]) =>
        isReference(value) ? [] : [[name, expandWithin(value, expand, [...at, 'extraVars', name])]],
      ),
    ),
    secretVars: Object.fromEntries(variables.flatMap(([name, value]) => (isReference(value) ? [[name, value]] : []))),
    extraVarsFiles: list(file.extraVarsFiles, 'extraVarsFiles'),
    tags: list(file.tags, 'tags'),
    skipTags: list(file.skipTags, 'skipTags'),
    ...(limit === undefined ? {} : { limit: one(limit, 'limit') }),
    ...(vaultPassword === undefined ? {} : { vaultPassword }),
    secretVariables: file.secretVariables,
    minNodes: file.minNodes,
    settleSeconds: file.settle,
    concurrency: file.concurrency,
  };
}

function resolveSelect(select: NonNullable<NodesFile['select']>, expand: Expand, at: Path): NodeSelect {
  if ('ids' in select && Array.isArray(select.ids)) return { ids: select.ids };
  if ('resourceGroup' in select && typeof select.resourceGroup === 'string') {
    return { resourceGroup: expand(select.resourceGroup, [...at, 'resourceGroup']) };
  }
  const tags = Object.entries(select as Readonly<Record<string, readonly string[]>>).map(([key, values]) => {
    const expanded = values.map((value, index) => expand(value, [...at, key, index]));
    return [key.slice('tag:'.length), expanded] as const;
  });
  return { tags: Object.fromEntries(tags) };
}

/** The same value with an environment's values in every text, at any depth. */
function expandWithin(value: unknown, expand: Expand, path: Path): unknown {
  if (typeof value === 'string') return expand(value, path);
  if (Array.isArray(value)) return value.map((entry, index) => expandWithin(entry, expand, [...path, index]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, expandWithin(entry, expand, [...path, key])]),
  );
}

/** A map that is nothing but a reference. */
function isReference(value: unknown): value is SecretReference {
  if (typeof value !== 'object' || value === null) return false;
  const [[key, name] = [], ...others] = Object.entries(value);
  return others.length === 0 && (key === 'secret' || key === 'parameter') && typeof name === 'string';
}

/** What AWS takes: https://docs.aws.amazon.com/ARG/latest/APIReference/API_CreateGroup.html */
const GROUP = /^[A-Za-z0-9_.-]{1,300}$/;

/** What the service needs to know, and what a check by hand does. */
export function unfitNodes(check: NodesCheck, hasSource: boolean, at: Path): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  if (hasSource && check.select === undefined) {
    const message =
      'is missing: write which nodes the service asks, { "tag:Role": [master] }, { ids: [i-…] } or { resourceGroup: name }';
    mistakes.push({ path: [...at, 'select'], message });
  }
  if (!hasSource && check.inventory === undefined) {
    const message = 'is missing: a check by hand looks at the hosts of an inventory, write its path';
    mistakes.push({ path: [...at, 'inventory'], message });
  }
  if (hasSource && check.vaultPassword !== undefined && 'file' in check.vaultPassword) {
    const message = `the service cannot read the file ${check.vaultPassword.file}; write { secret: name } or { parameter: /name }, or take the source out`;
    mistakes.push({ path: [...at, 'vaultPassword', 'file'], message });
  }
  if (check.select !== undefined && 'resourceGroup' in check.select && !GROUP.test(check.select.resourceGroup)) {
    const message = `"${check.select.resourceGroup}" is no name of a resource group: it has letters, digits, ".", "_" and "-"`;
    mistakes.push({ path: [...at, 'select', 'resourceGroup'], message });
  }
  return mistakes;
}
