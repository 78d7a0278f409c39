import type { Json, JsonObject } from '../json.ts';

/** What a scalar means: how two spellings of it are compared. `any` is JSON of unknown shape. */
export type ScalarKind =
  | 'text'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'quantity'
  | 'int-or-string'
  | 'time'
  | 'bytes'
  | 'any';

/**
 * What is known of a value's structure, whoever said it: the built-in table, OpenAPI, a CRD, or nobody (then it is
 * guessed from the value). Schemas may be recursive: children are asked for one by one.
 */
export type Schema = ScalarSchema | StructSchema | MapSchema | ListSchema;

export interface ScalarSchema {
  readonly shape: 'scalar';
  readonly kind: ScalarKind;
  /** Of `any`, where it is known: the maps that it is, whether it is one or a list of them. */
  readonly maps?: StructSchema;
}

/** Named fields. */
export interface StructSchema {
  readonly shape: 'struct';
  /** Compared whole: what is live and not declared differs. */
  readonly atomic: boolean;
  /** Null: a field that the schema does not have. */
  field(name: string): Schema | null;
  /** What the server puts where nothing is declared; undefined: nothing, or nobody knows. `parent` is the live struct. */
  defaultOf(name: string, parent: JsonObject): Json | undefined;
  /** Whether "declared as zero" is the same as "not declared at all" (a field of Go that is no pointer). */
  zeroIsAbsent(name: string): boolean;
  /** Whether the schema is the server's word; else a default that nobody knows may stand anywhere. */
  readonly complete: boolean;
}

/** Free keys. */
export interface MapSchema {
  readonly shape: 'map';
  readonly atomic: boolean;
  readonly value: Schema;
}

export interface ListSchema {
  readonly shape: 'list';
  /** `keyed`: elements have an identity of their own; `set`: the order means nothing; `atomic`: compared whole. */
  readonly merge: 'keyed' | 'set' | 'atomic';
  /** Names of the key fields, when keyed. */
  readonly keys: readonly string[];
  readonly item: Schema;
  /** False: the structure was only guessed, so that an extra key of an element proves nothing. */
  readonly complete: boolean;
}

const scalar = (kind: ScalarKind): ScalarSchema => ({ shape: 'scalar', kind });

export const TEXT = scalar('text');
export const ANY = scalar('any');
export const SCALARS: Readonly<Record<ScalarKind, ScalarSchema>> = {
  text: TEXT,
  integer: scalar('integer'),
  number: scalar('number'),
  boolean: scalar('boolean'),
  quantity: scalar('quantity'),
  'int-or-string': scalar('int-or-string'),
  time: scalar('time'),
  bytes: scalar('bytes'),
  any: ANY,
};
