import pLimit from 'p-limit';
import pRetry, { AbortError } from 'p-retry';
import * as z from 'zod';
import { jsonOf } from '../json.ts';
import { EFFORT, type Effort, type ReadBudget } from './client.ts';
import type { ClusterConnection } from './connection.ts';
import { ClusterError } from './error.ts';
import { type HttpAnswer, httpPost, NoAnswer } from './http.ts';

/** What somebody may do or not, as RBAC names it. `*` is any. */
export interface Deed {
  readonly verb: string;
  /** Empty: the core group. */
  readonly group: string;
  /** The plural, as in the path. */
  readonly resource: string;
  readonly subresource?: string;
  /** Null: everywhere. */
  readonly namespace: string | null;
}

/** A rule by which something is allowed. */
export interface AllowingRule {
  readonly verbs: readonly string[];
  readonly groups: readonly string[];
  /** Plurals, `deployments/scale`, `*`, or any of a sub-resource. */
  readonly resources: readonly string[];
  /** Objects of some names only. */
  readonly isNarrow: boolean;
}

export interface RulesIn {
  readonly rules: readonly AllowingRule[];
  /** False: something beside RBAC may allow more. */
  readonly isWhole: boolean;
}

/** Somebody's rights in a cluster. */
export interface Rights {
  /** @throws ClusterError when that cannot be asked */
  may(deed: Deed): Promise<boolean>;
  /** The rules that hold in a namespace. @throws ClusterError */
  rules(namespace: string): Promise<RulesIn>;
}

/** In whose name is asked. */
export interface Impersonated {
  readonly user: string;
  readonly groups: readonly string[];
}

/** More questions than these nobody should have to answer. */
const MAX_QUESTIONS = 190;
const REVIEWS = '/apis/authorization.k8s.io/v1';
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const accessReview = z.object({ status: z.object({ allowed: z.boolean() }) });
const texts = z.array(z.string()).nullish();
const rulesReview = z.object({
  status: z.object({
    resourceRules: z
      .array(z.object({ verbs: z.array(z.string()), apiGroups: texts, resources: texts, resourceNames: texts }))
      .nullish(),
    incomplete: z.boolean().nullish(),
  }),
});

class Again extends Error {}

/** Asks the API server what whoever asks may do, or whom it is asked for. Its questions are kept nowhere. */
export class ClusterRights implements Rights {
  readonly #connection: ClusterConnection;
  readonly #as: Impersonated | null;
  readonly #effort: Effort;
  readonly #stop: AbortSignal;
  readonly #atOnce: <T>(work: () => Promise<T>) => Promise<T>;
  #asked = 0;

  /** @param as null: whoever the connection proves to be */
  constructor(
    connection: ClusterConnection,
    { signal, deadline }: ReadBudget,
    as: Impersonated | null,
    effort: Effort = EFFORT,
  ) {
    this.#connection = connection;
    this.#as = as;
    this.#effort = { ...effort, maxBytes: MAX_ANSWER_BYTES };
    this.#stop = AbortSignal.any([signal, AbortSignal.timeout(Math.max(0, deadline - Date.now()))]);
    this.#atOnce = pLimit(effort.parallel);
  }

  async may({ namespace, subresource = '', ...deed }: Deed): Promise<boolean> {
    const resourceAttributes = { ...deed, subresource, namespace: namespace ?? '' };
    const { status } = await this.#ask('SelfSubjectAccessReview', { resourceAttributes }, accessReview);
    return status.allowed;
  }

  async rules(namespace: string): Promise<RulesIn> {
    const { status } = await this.#ask('SelfSubjectRulesReview', { namespace }, rulesReview);
    const rules = (status.resourceRules ?? []).map(({ verbs, apiGroups, resources, resourceNames }) => ({
      ...{ verbs, groups: apiGroups ?? [], resources: resources ?? [] },
      isNarrow: (resourceNames ?? []).length > 0,
    }));
    return { rules, isWhole: status.incomplete !== true };
  }

  #ask<T>(kind: string, spec: object, schema: z.ZodType<T>): Promise<T> {
    const body = JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind, spec });
    return this.#atOnce(async () => {
      const { server } = this.#connection;
      this.#asked += 1;
      if (this.#asked > MAX_QUESTIONS) {
        throw new ClusterError(`${server} was asked ${MAX_QUESTIONS} questions and more are left: name fewer targets`);
      }
      const { retries, firstDelayMs, maxDelayMs } = this.#effort;
      try {
        return await pRetry(() => this.#post(`${REVIEWS}/${kind.toLowerCase()}s`, body, schema), {
          ...{ retries, minTimeout: firstDelayMs, maxTimeout: maxDelayMs, randomize: true, signal: this.#stop },
          shouldRetry: ({ error }) => error instanceof Again,
        });
      } catch (error) {
        if (this.#stop.aborted) throw new ClusterError(`${server} was not asked to the end: the time was over`);
        if (error instanceof Again || error instanceof NoAnswer) throw new ClusterError(`${server} ${error.message}`);
        throw error;
      }
    });
  }

  async #post<T>(path: string, body: string, schema: z.ZodType<T>): Promise<T> {
    const { proof, server, agent } = this.#connection;
    const proven = await proof.headers(this.#stop).catch(final);
    const headers = { ...proven, Accept: 'application/json', ...impersonating(this.#as) };
    const request = { url: server + path, agent, headers, signal: this.#stop, limits: this.#effort };
    const answer = await httpPost(request, body).catch((error: unknown) => {
      if (error instanceof NoAnswer && error.kind === 'broken') throw new Again(error.message);
      return final(error);
    });
    return this.#read(answer, schema);
  }

  #read<T>({ status, body }: HttpAnswer, schema: z.ZodType<T>): T {
    const { server, proof } = this.#connection;
    if (status === 200 || status === 201) {
      const read = schema.safeParse(jsonOf(body));
      if (read.success) return read.data;
      throw new Again('does not answer as a Kubernetes API: is it one?');
    }
    if (status === 401) {
      // A token may have run out meanwhile.
      proof.renew();
      throw new Again('does not know who asks (401): are the credentials still good?');
    }
    if (status === 429 || status === 408 || status >= 500) throw new Again(`answered with status ${status}`);
    if (status === 403 && /cannot impersonate/.test(body)) {
      return final(
        new ClusterError(
          `${server} does not let you ask in the name of ${named(this.#as)}: ask a cluster admin to run it, or for the verb impersonate on users and groups`,
        ),
      );
    }
    const remedy = status === 403 ? ' (403): bind the ClusterRole system:basic-user to it' : ` (${status})`;
    return final(new ClusterError(`${server} does not answer what may be done${remedy}`));
  }
}

function impersonating(as: Impersonated | null): Readonly<Record<string, string | readonly string[]>> {
  return as === null ? {} : { 'Impersonate-User': as.user, 'Impersonate-Group': as.groups };
}

function named(as: Impersonated | null): string {
  if (as === null) return 'another';
  return `the group${as.groups.length === 1 ? '' : 's'} ${as.groups.join(', ')}`;
}

/** Not to be tried again. */
function final(error: unknown): never {
  throw error instanceof Error ? new AbortError(error) : error;
}
