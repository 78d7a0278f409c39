import type { Path } from './errors.ts';

/** Something that is wrong between parts of the file that are right each by itself. */
export interface Mistake {
  readonly path: Path;
  readonly message: string;
}
