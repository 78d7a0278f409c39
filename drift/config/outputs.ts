import { closest } from 'fastest-levenshtein';
import { outputReferences, textsIn } from '../outputs.ts';
import type { Target } from '../target.ts';
import type { Path } from './errors.ts';
import type { Mistake } from './mistake.ts';

/** Outputs that targets want to use are those of another target that the service checks. */
export function unknownOutputs(targets: readonly Target[]): readonly Mistake[] {
  const checked = targets.flatMap(({ layer, source, name }) =>
    layer === 'terraform' && source !== undefined ? [name] : [],
  );
  return targets.flatMap((target) => {
    const at = ['targets', target.name.slice(target.name.indexOf('/') + 1)];
    if (target.layer === 'terraform') {
      return unknownOutputsOf(target.name, target.terraform.vars, [...at, 'terraform', 'vars'], checked);
    }
    if (target.layer !== 'nodes') return [];
    return unknownOutputsOf(target.name, target.nodes.extraVars, [...at, 'nodes', 'extraVars'], checked);
  });
}

function unknownOutputsOf(name: string, values: unknown, at: Path, checked: readonly string[]): readonly Mistake[] {
  return textsIn(values).flatMap(({ text: whole, path: within }) =>
    outputReferences(whole).flatMap(({ text, target }) => {
      const path = [...at, ...within];
      if (target === null) return [{ path, message: `${text} names no output: write <environment>/<target>.<output>` }];
      if (target === name) return [{ path, message: `${text} is an output of the target itself` }];
      if (checked.includes(target)) return [];
      const others = checked.filter((other) => other !== name);
      const remedy = others.length === 0 ? 'there is none' : `did you mean "${closest(target, others)}"?`;
      return [{ path, message: `${text}: no target ${target} is checked by the service; ${remedy}` }];
    }),
  );
}
