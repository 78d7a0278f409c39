import type { DeclaredObject } from '#drift/kubernetes/live.ts';
import type { Note } from '#drift/note.ts';
import { GitError } from '#services/ports.ts';
import { RenderError } from '#services/render/error.ts';
import { type Bounds, declaredIn, type Gathered } from './evidence.ts';
import type { KubernetesCheckRequest } from './request.ts';

/** What git declared when the target was last in sync; null: not known, and a note why where that is odd. */
export async function declaredBefore(
  request: KubernetesCheckRequest,
  bounds: Bounds,
  { discovery, manifests }: Gathered,
): Promise<{ readonly objects: readonly DeclaredObject[] | null; readonly notes: readonly Note[] }> {
  const { before, source } = request;
  if (before === null) return { objects: null, notes: [] };
  try {
    bounds.progress('looking at the last commit that was in sync');
    const { folder } = await before();
    if (folder === source.folder) return { objects: manifests?.objects ?? null, notes: [] };
    const then = await declaredIn(request, folder, bounds, discovery === null ? null : Promise.resolve(discovery));
    const [problem] = then.problems;
    if (problem !== undefined) return unread(`${problem.file}: ${problem.message}`);
    return { objects: then.objects, notes: [] };
  } catch (error) {
    // It would only have told causes: what was found stands.
    if (!(error instanceof GitError || error instanceof RenderError) && !bounds.signal.aborted) throw error;
    return unread(error instanceof Error ? error.message : String(error));
  }
}

function unread(why: string): { readonly objects: null; readonly notes: readonly Note[] } {
  const text = `what git declared when the target was last in sync cannot be read, so that causes are told by the objects alone: ${why}`;
  return { objects: null, notes: [{ kind: 'cause', text }] };
}
