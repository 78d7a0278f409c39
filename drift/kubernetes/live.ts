import type { Note } from '../note.ts';
import type { Json, JsonObject } from './json.ts';

/** A kind that the server serves. */
export interface ServedKind {
  /** `v1`, `apps/v1` */
  readonly apiVersion: string;
  readonly kind: string;
  /** The plural, as in the path. */
  readonly resource: string;
  readonly namespaced: boolean;
}

/**
 * What could not be looked at. Null and absent parts mean "all": a kind everywhere, a kind in a namespace, one object. The
 * namespace `*` is wherever nothing of the kind is declared: what is declared was seen all the same.
 */
export interface Unreached {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string | null;
  readonly name?: string;
  /** One sentence. */
  readonly reason: string;
}

/** What was seen of a cluster. Whatever was asked for and is neither in `objects` nor in `unreached` does not exist. */
export interface LiveCluster {
  /** As the API answered, in the declared version, each with `apiVersion` and `kind`. */
  readonly objects: readonly JsonObject[];
  /** Null: not known (a dump); then every kind counts as served. */
  readonly served: readonly ServedKind[] | null;
  readonly unreached: readonly Unreached[];
  /** OpenAPI v3 document of a group version, by `apiVersion`; absent where the built-in table is enough. */
  readonly openapi: ReadonlyMap<string, Json>;
  /** Warnings of the API server and the like. */
  readonly notes: readonly Note[];
}

/** A text that declares objects: YAML or JSON, one or several documents. */
export interface ManifestText {
  /** As a person finds it: path from the root of the repository, or what rendered it. */
  readonly file: string;
  readonly text: string;
}

/** One object of a manifest. */
export interface DeclaredObject {
  readonly value: JsonObject;
  readonly file: string;
  /** Line of the document's start, from 1; null where a renderer made it. */
  readonly line: number | null;
}

/** A document that cannot be read, or declares no object: one sentence with file and line. */
export interface ManifestProblem {
  readonly file: string;
  readonly line: number | null;
  readonly message: string;
}
