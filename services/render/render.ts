import { isAbsolute } from 'node:path';
import type { ManifestText } from '#drift/kubernetes/live.ts';
import { Checkout } from './checkout.ts';
import { helmManifests } from './helm/template.ts';
import { jsonnetManifests } from './jsonnet/program.ts';
import { kustomizeManifests } from './kustomize/build.ts';
import { plainManifests } from './plain.ts';
import { RENDER_LIMITS, type Rendering, type RenderRequest } from './request.ts';

/**
 * The manifests of a target, rendered as its config says. What is rendered is somebody else's: nothing outside of the
 * checkout is read, nothing in it runs but the renderer, and time, memory, input and output are bounded.
 * @throws RenderError with one sentence
 */
export async function renderManifests(request: RenderRequest): Promise<readonly ManifestText[]> {
  if (!isAbsolute(request.root)) throw new TypeError(`${request.root} is not absolute`);
  const limits = request.limits ?? RENDER_LIMITS;
  const rendering: Rendering = { ...request, limits, deadline: Date.now() + request.timeoutMs };
  const checkout = await Checkout.open(request.root, limits);
  const texts = await RENDERERS[request.check.render](checkout, rendering);
  if (request.onRead !== undefined) for (const path of checkout.reached) request.onRead(path);
  return texts;
}

const RENDERERS: Readonly<
  Record<RenderRequest['check']['render'], (checkout: Checkout, request: Rendering) => Promise<readonly ManifestText[]>>
> = {
  plain: (checkout, { check }) => plainManifests(checkout, check.manifests),
  kustomize: kustomizeManifests,
  helm: helmManifests,
  jsonnet: jsonnetManifests,
};
