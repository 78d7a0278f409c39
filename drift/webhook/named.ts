import { posix } from 'node:path';
import type { Target } from '../target.ts';
import { touching } from './decide.ts';

const GLOB = /[*?[\]{}]/;

/**
 * Whether paths that were remembered are those of a target as its config has it now: each path that the config names is
 * one of them, or lies above or below one. They are not when the config was changed and no run has looked since.
 */
export function isOfConfig(paths: readonly string[], target: Target): boolean {
  return namedBy(target).every((path) => touching([posix.normalize(path)])(paths));
}

function namedBy(target: Target): readonly string[] {
  switch (target.layer) {
    case 'terraform':
      return [target.terraform.path, ...target.terraform.varFiles];
    case 'nodes': {
      const { playbook, inventory, extraVarsFiles } = target.nodes;
      return [playbook, ...(inventory === undefined ? [] : [inventory]), ...extraVarsFiles];
    }
    case 'kubernetes':
      return [...target.kubernetes.manifests.map(beforeGlob), ...target.kubernetes.values];
  }
}

/** The folder that is walked for a glob; what else it may be, a file of that name, is below it too. */
function beforeGlob(entry: string): string {
  const parts = entry.split('/');
  const first = parts.findIndex((part) => GLOB.test(part));
  return first < 0 ? entry : parts.slice(0, first).join('/');
}
