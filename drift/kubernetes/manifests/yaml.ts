import { parseAllDocuments, type ScalarTag, type Tags } from 'yaml';
import { asGoReads, type Json } from '../json.ts';

/** A text is no YAML that kubectl would take; `line` counts from 1 in the text. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  readonly line: number | null;
  constructor(message: string, line: number | null, cause?: unknown) {
    super(message, { cause });
    this.line = line;
  }
}

/** Aliases may not stand for more than this: a few lines could be a billion. */
const MAX_ALIASES = 1000;

const TRUE = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const NULL = /^(?:~|null|Null|NULL|)$/;
const NOT_JSON = /^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$/;
const INTEGER = /^([-+]?)(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9]\d*)$/;
const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;

/**
 * A plain scalar that begins like a number, as goyaml.v2 resolves it: Go's integers of every base with underscores,
 * then floats; no sexagesimals, no timestamps. What does not fit is a text.
 */
function readNumber(text: string): Json {
  const plain = text.replaceAll('_', '');
  const integer = INTEGER.exec(plain);
  if (integer !== null) {
    const digits = (integer[2] ?? '').replace(/^0[oO]?(?=[0-7])/, '0o');
    const value = BigInt(digits) * (integer[1] === '-' ? -1n : 1n);
    return Number.isSafeInteger(Number(value)) ? Number(value) : asGoReads(value);
  }
  const value = FLOAT.test(plain) ? Number(plain) : Number.NaN;
  return Number.isFinite(value) ? value : text;
}

const scalar = (tag: string, test: RegExp, resolve: ScalarTag['resolve']): ScalarTag => ({
  tag: `tag:yaml.org,2002:${tag}`,
  default: true,
  test,
  resolve,
});

const SCALARS: Tags = [
  scalar('null', NULL, () => null),
  scalar('bool', TRUE, () => true),
  scalar('bool', FALSE, () => false),
  scalar('float', NOT_JSON, (text, onError) => {
    onError(`${text} cannot be written in JSON`);
    return text;
  }),
  scalar('int', /^[-+.]?\d/, readNumber),
  { tag: 'tag:yaml.org,2002:binary', resolve: (text: string) => Buffer.from(text, 'base64').toString('utf8') },
  'merge',
];

/** The first document of a text, as kubectl reads it: YAML 1.1 in goyaml's manner. @throws YamlError */
export function parseYaml(text: string): Json {
  try {
    const [document] = parseAllDocuments(text, {
      version: '1.1',
      schema: 'failsafe',
      customTags: (tags) => [...tags, ...SCALARS],
      merge: true,
      // The last one wins.
      uniqueKeys: false,
      logLevel: 'silent',
    });
    if (document === undefined || !('contents' in document)) return null;
    const [error] = document.errors;
    if (error !== undefined) {
      throw new YamlError(
        error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '',
        error.linePos?.[0].line ?? null,
        error,
      );
    }
    return document.toJS({ maxAliasCount: MAX_ALIASES }) as Json;
  } catch (error) {
    if (error instanceof YamlError) throw error;
    throw new YamlError(error instanceof Error ? error.message : String(error), null, error);
  }
}
