import { closest } from 'fastest-levenshtein';
import { outputReferences } from '../outputs.ts';
import type { Target, TerraformTarget } from '../target.ts';
import type { Mistake } from './mistake.ts';

/** Outputs that targets want to use are those of another target that the service checks. */
export function unknownOutputs(targets: readonly Target[]): readonly Mistake[] {
  const checked = targets.flatMap(({ layer, source, name }) =>
    layer === 'terraform' && source !== undefined ? [name] : [],
  );
  return targets.flatMap((target) => (target.layer === 'terraform' ? unknownOutputsOf(target, checked) : []));
}

function unknownOutputsOf({ name, terraform }: TerraformTarget, checked: readonly string[]): readonly Mistake[] {
  return Object.entries(terraform.vars).flatMap(([key, value]) =>
    outputReferences(String(value)).flatMap(({ text, target }) => {
      const path = ['targets', name.slice(name.indexOf('/') + 1), 'terraform', 'vars', key];
      if (target === null) return [{ path, message: `${text} names no output: write <environment>/<target>.<output>` }];
      if (target === name) return [{ path, message: `${text} is an output of the target itself` }];
      if (checked.includes(target)) return [];
      const others = checked.filter((other) => other !== name);
      const remedy = others.length === 0 ? 'there is none' : `did you mean "${closest(target, others)}"?`;
      return [{ path, message: `${text}: no target ${target} is checked by the service; ${remedy}` }];
    }),
  );
}
