import { readFileSync } from 'node:fs';
import path from 'node:path';
import { isObject, type Json, type JsonObject, listAt, parseJson } from './json.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../test/fixtures/kubernetes/cluster');

interface RecordedRequest {
  readonly file: string;
  readonly path: string;
  readonly accept: string;
  readonly user: string;
  readonly status: number;
  readonly group: string;
}

/** What one real API server (1.36) answered: kinds, schemas, and the objects that every cluster has. */
class Recording {
  readonly #answers = new Map<string, Json>();
  #index: readonly RecordedRequest[] | null = null;

  /** The body of a recorded answer to a reader. @throws when it was not recorded */
  answer(address: string, accept = 'application/json'): JsonObject {
    const found = this.requests().find(
      (one) => one.user === 'reader' && one.path === address && one.accept === accept && one.status === 200,
    );
    if (found === undefined) throw new Error(`${address} (${accept}) was not recorded`);
    return this.#body(found);
  }

  /** Documents of OpenAPI, by their place below /openapi/v3, as they were sent. */
  openApi(place: string): { readonly text: string; readonly document: JsonObject } | null {
    const found = this.requests().find((one) => one.path.startsWith(`/openapi/v3/${place}?`) && one.user === 'reader');
    return found === undefined ? null : { text: this.text(found.file), document: this.#body(found) };
  }

  /** Every recorded cluster-wide list, with its path. */
  lists(): readonly { readonly path: string; readonly list: JsonObject }[] {
    return this.requests()
      .filter((one) => one.group === 'lists')
      .map((one) => ({ path: one.path, list: this.#body(one) }));
  }

  requests(): readonly RecordedRequest[] {
    this.#index ??= JSON.parse(readFileSync(path.join(FOLDER, 'index.json'), 'utf8')) as RecordedRequest[];
    return this.#index;
  }

  text(file: string): string {
    return readFileSync(path.join(FOLDER, file), 'utf8');
  }

  #body(request: RecordedRequest): JsonObject {
    const known = this.#answers.get(request.file);
    const body = known ?? parseJson(this.text(request.file));
    this.#answers.set(request.file, body);
    if (!isObject(body)) throw new Error(`${request.file} holds no object`);
    return body;
  }
}

export const recording = new Recording();

/** Items of a list, as objects. */
export function itemsOf(list: JsonObject): readonly JsonObject[] {
  return listAt(list, 'items').filter(isObject);
}
