import * as z from 'zod';
import { NoRepositoryAddress, type RepositoryApi, repositoryApi } from '#drift/git-host/api.ts';
import { MAX_CHANGED_FILES, type PushRange } from '#drift/webhook/changes.ts';
import type { Host } from '#drift/webhook/delivery.ts';
import { jsonOf } from '../json.ts';
import { ChangesUnknown, type GitChanges } from '../ports.ts';
import { hostRequest } from './host-request.ts';
import { isNetwork } from './http.ts';
import { differingFiles, type Folder, type TreeEntry } from './trees.ts';

/** All requests of one question together. */
const TIME_LIMIT_MS = 3000;
/** GitHub lets a token ask 5,000 times an hour; a question that needs more is about so much that all may be looked at. */
const MAX_REQUESTS = 100;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** The most that GitLab puts into one page. */
const GITLAB_PAGE = 100;
const FOLDER_MODE = /^0?40000$/;

export interface HttpsChangesOptions {
  /** @default 3 seconds */
  readonly timeLimitMs?: number;
  /** @default the global one */
  readonly fetch?: typeof fetch;
}

/** Asks one URL of the host. @throws ChangesUnknown */
type Get = <T>(url: string, schema: z.ZodType<T>) => Promise<T>;

/** Asks the API of a git host which files differ between two commits, without a clone. */
export class HttpsChanges implements GitChanges {
  readonly #timeLimitMs: number;
  readonly #fetch: typeof fetch;

  constructor(options: HttpsChangesOptions = {}) {
    this.#timeLimitMs = options.timeLimitMs ?? TIME_LIMIT_MS;
    this.#fetch = options.fetch ?? fetch;
  }

  async between(host: Host, repository: string, range: PushRange, token: string | null): Promise<readonly string[]> {
    let api: RepositoryApi;
    try {
      api = repositoryApi(host, repository, token === null ? null : token.trim());
    } catch (error) {
      if (error instanceof NoRepositoryAddress) throw new ChangesUnknown(error.message, { cause: error });
      throw error;
    }
    const files = [...new Set(await ASK[host](api.url, range, this.#get(api)))];
    if (files.length > MAX_CHANGED_FILES) throw new ChangesUnknown(`more than ${MAX_CHANGED_FILES} files differ`);
    return files;
  }

  #get({ url: base, headers }: RepositoryApi): Get {
    const { origin, hostname } = new URL(base);
    const limit = { signal: AbortSignal.timeout(this.#timeLimitMs), maxBytes: MAX_ANSWER_BYTES, fetch: this.#fetch };
    let requests = 0;
    return async (url, schema) => {
      requests += 1;
      if (requests > MAX_REQUESTS) throw new ChangesUnknown(`${hostname}: more than ${MAX_REQUESTS} requests`);
      if (new URL(url).origin !== origin) throw new ChangesUnknown(`${hostname} names a page of another host`);
      const answer = await hostRequest({ url, headers }, limit).catch((error: unknown) => {
        if (error instanceof Error && error.name === 'TimeoutError') {
          throw new ChangesUnknown(`${hostname} did not answer within ${this.#timeLimitMs / 1000} seconds`);
        }
        if (isNetwork(error)) throw new ChangesUnknown(`${hostname} could not be reached`, { cause: error });
        throw error;
      });
      if (answer.status !== 200) throw new ChangesUnknown(`${hostname} answered ${answer.status}`);
      if (answer.text === null) throw new ChangesUnknown(`${hostname} answered more than ${MAX_ANSWER_BYTES} bytes`);
      const parsed = schema.safeParse(jsonOf(answer.text));
      if (!parsed.success) throw new ChangesUnknown(`${hostname} answered what cannot be read`);
      return parsed.data;
    };
  }
}

const ASK: Readonly<Record<Host, (url: string, range: PushRange, get: Get) => Promise<readonly string[]>>> = {
  github: (url, { before, after }, get) => differingFiles(before, after, (folder) => githubFolder(url, folder, get)),
  gitlab: (url, { before, after }, get) => differingFiles(before, after, (folder) => gitlabFolder(url, folder, get)),
  bitbucket: bitbucketFiles,
};

const name = z.string().min(1).max(4096);
const id = z.string().regex(/^[0-9a-f]{40,64}$/);
const mode = z.string().max(10);

const githubTree = z.object({
  truncated: z.boolean(),
  tree: z.array(z.object({ path: name, mode, sha: id })),
});

/** https://docs.github.com/en/rest/git/trees#get-a-tree, which takes a commit as well: that is its root. */
async function githubFolder(url: string, folder: Folder, get: Get): Promise<readonly TreeEntry[]> {
  const { truncated, tree } = await get(`${url}/git/trees/${folder.id ?? folder.commit}`, githubTree);
  if (truncated) throw new ChangesUnknown(`the list of ${folder.path || 'the root'} is cut short`);
  return tree.map(({ path, mode, sha }) => ({ name: path, id: sha, mode, isFolder: FOLDER_MODE.test(mode) }));
}

const gitlabPage = z.array(z.object({ name, mode, id })).max(GITLAB_PAGE);

/**
 * https://docs.gitlab.com/api/repositories/#list-repository-tree. Not its `compare`: that ends in silence where a diff is
 * longer than the instance's limits.
 */
async function gitlabFolder(url: string, { commit, path }: Folder, get: Get): Promise<readonly TreeEntry[]> {
  const entries: TreeEntry[] = [];
  for (let page = 1; ; page += 1) {
    const query = new URLSearchParams({ ref: commit, per_page: String(GITLAB_PAGE), page: String(page) });
    if (path !== '') query.set('path', path);
    const listed = await get(`${url}/repository/tree?${query}`, gitlabPage);
    entries.push(...listed.map((entry) => ({ ...entry, isFolder: FOLDER_MODE.test(entry.mode) })));
    if (listed.length < GITLAB_PAGE) return entries;
  }
}

const bitbucketEnd = z.object({ path: name }).nullable();
const bitbucketPage = z.object({
  values: z.array(z.object({ old: bitbucketEnd, new: bitbucketEnd })),
  next: z.string().max(4096).optional(),
});

/**
 * https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commits/#api-repositories-workspace-repo-slug-diffstat-spec-get:
 * the newer commit comes first; `topic=false` is the plain difference, without a merge base.
 */
async function bitbucketFiles(url: string, { before, after }: PushRange, get: Get): Promise<readonly string[]> {
  const files: string[] = [];
  let next: string | undefined = `${url}/diffstat/${after}..${before}?topic=false&renames=false`;
  while (next !== undefined && files.length <= MAX_CHANGED_FILES) {
    const page: z.infer<typeof bitbucketPage> = await get(next, bitbucketPage);
    for (const change of page.values) {
      const ends = [change.old, change.new].flatMap((end) => (end === null ? [] : [end.path]));
      if (ends.length === 0) throw new ChangesUnknown('a change without a path');
      files.push(...ends);
    }
    next = page.next;
  }
  return files;
}
