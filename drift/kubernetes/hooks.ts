import { isObject, type JsonObject, textOf } from './json.ts';
import { metadataOf } from './objects.ts';

/** Hooks of Helm run around a release and are gone after it; `crd-install` is none any more. */
const HELM = /\b(?:pre|post)-(?:install|delete|upgrade|rollback)\b|\btest(?:-success|-failure)?\b/;

/** Whether a declaration is a hook: it is made and deleted while the others are applied, and never stays to be compared. */
export function isHook(declared: JsonObject): boolean {
  const { annotations } = metadataOf(declared);
  if (!isObject(annotations)) return false;
  const [helm, argo] = [annotations['helm.sh/hook'] ?? '', annotations['argocd.argoproj.io/hook'] ?? ''];
  return HELM.test(textOf(helm)) || textOf(argo) !== '';
}
