import { safeLine } from '../output/safe.ts';
import type { Terminal } from '../terminal.ts';

/** One thing that was looked at: it is well, or what to do about it. */
export interface Diagnosis {
  readonly ok: boolean;
  /** What was looked at: `git`, `prod cluster`. */
  readonly about: string;
  /** One sentence; where it is not well, with the remedy. */
  readonly text: string;
}

export const well = (about: string, text: string): Diagnosis => ({ ok: true, about, text });
export const ill = (about: string, text: string): Diagnosis => ({ ok: false, about, text });

/** Lines for a person. */
export function diagnosesText(diagnoses: readonly Diagnosis[], { colours }: Terminal): string {
  const width = Math.max(0, ...diagnoses.map(({ about }) => safeLine(about).length));
  return diagnoses
    .map(({ ok, about, text }) => {
      const mark = ok ? colours.green('✓') : colours.red('✗');
      return `${mark} ${colours.bold(safeLine(about).padEnd(width))}  ${safeLine(text)}`;
    })
    .join('\n');
}
