import { gunzipSync } from 'node:zlib';
import { isObject, type JsonObject, parseJson, textOf } from './json.ts';
import { metadataOf, textsOf } from './objects.ts';

/** Annotations in which appliers keep what they applied last: kubectl, kapp, kubecfg, Rancher's Fleet. */
const LAST_APPLIED: readonly string[] = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'kapp.k14s.io/original',
  'kubecfg.ksonnet.io/last-applied-configuration',
  'objectset.rio.cattle.io/applied',
];
const MAX_LENGTH = 2 * 1024 * 1024;
/** Of gzip, in base64. */
const PACKED = /^H4sI/;

/** What was applied last, as the live object's annotation carries it; null when there is none that can be read. */
export function lastApplied(live: JsonObject): JsonObject | null {
  const annotations = textsOf(metadataOf(live)['annotations']);
  for (const name of LAST_APPLIED) {
    const text = annotations[name];
    if (text === undefined || text.length > MAX_LENGTH) continue;
    try {
      const value = parseJson(PACKED.test(text) ? unpacked(text) : text);
      if (isObject(value)) return value;
    } catch {
      // Somebody wrote into it, or it stands for far more than an object can be: it proves nothing.
    }
  }
  return null;
}

function unpacked(text: string): string {
  return gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: MAX_LENGTH }).toString('utf8');
}

/** Whether the object says what was applied last, by whatever tool. */
export function saysLastApplied(live: JsonObject): boolean {
  const annotations = textsOf(metadataOf(live)['annotations']);
  return LAST_APPLIED.some((name) => name in annotations);
}

/** Whether what was applied last may have had a field of this name somewhere; not read, only looked through. */
export function mayHaveApplied(live: JsonObject, field: string): boolean {
  const { annotations } = metadataOf(live);
  if (!isObject(annotations)) return false;
  return LAST_APPLIED.some((name) => {
    const text = textOf(annotations[name]);
    // A name may be packed, or written with escapes.
    return PACKED.test(text) || text.includes(`"${field}"`) || text.includes('\\u');
  });
}
