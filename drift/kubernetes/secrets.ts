import { SENSITIVE } from '../redact.ts';
import { globMatches } from '../rules/glob.ts';
import { isList, isObject, type Json, type JsonObject, textOf } from './json.ts';
import type { Identity } from './objects.ts';
import { type Path, stepsOf } from './path.ts';
import { decodeBase64 } from './scalars/base64.ts';

/** Names that say that their value is nobody's business. */
const SECRET_NAME =
  /pass(?:word|wd|phrase|code)?(?![a-z])|passw|secret|token|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|encryption[-_.]?key|signing[-_.]?key|(?:^|[^a-z])(?:key|pwd|auth|dsn|salt|cookie)$|_KEY$|connection[-_.]?string|webhook[-_.]?url|htpasswd|dockerconfig|encryptedData|authorization|bearer/i;
/** Names of things that only point to a secret, or say how long it lives. */
const POINTS_TO_SECRET =
  /(?:Name|Ref|Namespace|Path|File|Mount|Provider|Class|Seconds|TTL|Keys?Ref|Selector|Policy|Count|Limit)$|^(?:secretName|secretRef|secretKeyRef|imagePullSecrets|automountServiceAccountToken|serviceAccountToken|key|secret|secrets|tokenRequests)$/;
const FLAG = /((?:^|\s)--?[\w-]*(?:pass|secret|token|credential|api-?key)[\w-]*[= ])\S+/gi;
/** A flag whose value is the next word. */
const LONE_FLAG = /^--?[\w-]*(?:pass|secret|token|credential|api-?key)[\w-]*$/i;
/** `password: x`, `password=x`, `"password": "x"` in the midst of a text. */
const ASSIGNED = /(?<![\w.-])(["']?)([\w.-]{1,100})\1(\s*[=:]\s*)("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;"'}]+)/g;
const URL_USER = /(\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s:/@]*:)[^\s@/]+@/gi;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/** Whether a name says that its value is secret. */
function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !POINTS_TO_SECRET.test(name);
}

/** Whether the values of a whole object are secret. */
export function isSecretKind({ group, kind }: Identity, secretKinds: readonly string[]): boolean {
  if (kind === 'Secret' && group === '') return true;
  return ['SealedSecret', ...secretKinds].some((known) =>
    globMatches(known, known.includes('/') ? `${group}/${kind}` : kind),
  );
}

/** Whether what stands at a place is hidden as a whole. In secret kinds only names and labels may be read. */
export function isSecretPlace(path: Path, isSecretObject: boolean): boolean {
  const steps = stepsOf(path);
  const [first, second] = steps;
  const top = first !== undefined && 'field' in first ? first.field : '';
  if (isSecretObject && top !== 'metadata') return top !== 'type' && top !== 'immutable';
  if (isSecretObject && second !== undefined && 'field' in second && second.field === 'annotations') return true;
  return steps.some((step, index) => {
    if ('field' in step) return isSecretName(step.field);
    if ('index' in step) return isLoneFlag(step.after);
    const parent = steps[index - 1];
    const isVariable = parent !== undefined && 'field' in parent && parent.field === 'env';
    return 'key' in step && isVariable && isSecretName(textOf(step.key['name']));
  });
}

/** A value as it may be read: what a name inside calls secret, flags, passwords in addresses and keys are taken out. */
export function masked(value: Json): Json {
  if (typeof value === 'string') return maskText(value);
  if (isList(value)) return value.map((item, index) => (isLoneFlag(value[index - 1]) ? SENSITIVE : masked(item)));
  if (!isObject(value)) return value;
  const isSecretVariable = typeof value['name'] === 'string' && isSecretName(value['name']);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const hide =
        typeof item === 'object' ? isSecretName(key) : isSecretName(key) || (key === 'value' && isSecretVariable);
      return [key, hide ? SENSITIVE : masked(item)];
    }),
  );
}

const isLoneFlag = (value: Json | undefined): boolean => typeof value === 'string' && LONE_FLAG.test(value);

function maskText(text: string): string {
  const told = text.replace(ASSIGNED, (whole: string, quote: string, name: string, sign: string) =>
    isSecretName(name) ? `${quote}${name}${quote}${sign}${SENSITIVE}` : whole,
  );
  return told.replace(FLAG, `$1${SENSITIVE}`).replace(URL_USER, `$1${SENSITIVE}@`).replace(PRIVATE_KEY, SENSITIVE);
}

/** Every text that a Secret holds, decoded; none may be seen anywhere. */
export function secretTexts(object: JsonObject): readonly string[] {
  const texts: string[] = [];
  for (const part of ['data', 'stringData']) {
    const values = object[part];
    if (!isObject(values)) continue;
    for (const value of Object.values(values)) {
      if (typeof value !== 'string') continue;
      texts.push(part === 'data' ? (decodeBase64(value)?.toString('utf8') ?? value) : value);
    }
  }
  return texts;
}
