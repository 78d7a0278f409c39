import type { Checkout } from './checkout.ts';
import { RenderError } from './error.ts';

/** Why there is nothing at a path: a submodule, which is never fetched, or a wrong name. */
export async function missing(checkout: Checkout, name: string, asWritten: string): Promise<RenderError> {
  for (const submodule of await submodules(checkout)) {
    if (name === submodule || name.startsWith(`${submodule}/`)) {
      return new RenderError(
        `${asWritten} lies in the submodule ${submodule}, and submodules are not fetched: give the target that repository as its source`,
      );
    }
  }
  return new RenderError(`${asWritten} is not there: mend the path, or commit the file`);
}

async function submodules(checkout: Checkout): Promise<readonly string[]> {
  if ((await checkout.kind('.gitmodules')) !== 'file') return [];
  const text = await checkout.read('.gitmodules');
  return [...text.matchAll(/^\s*path\s*=\s*(\S.*?)\s*$/gm)].map((match) => match[1] ?? '');
}
