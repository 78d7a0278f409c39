import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the host knows of a repository, for whoever wants to see its folders. */
export interface TreeAccess {
  /** Whether a token may read it; null: there is no such repository. */
  readonly mayRead: (repository: string, token: string | null) => boolean | null;
  /** `git ls-tree -z`, with these arguments. @throws when there is none */
  readonly list: (repository: string, args: readonly string[]) => Promise<string>;
}

const GITHUB = /^\/api\/v3\/repos\/([^/]+)\/([^/]+)\/git\/trees\/([0-9a-f]{40})$/;
const GITLAB = /^\/api\/v4\/projects\/([^/]+)\/repository\/tree$/;
const COMMIT = /^[0-9a-f]{40}$/;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
const refusal = (status: number, message: string): Answer => ({ status, body: { message } });

/**
 * Folders of a commit as GitHub Enterprise Server and GitLab show them:
 * https://docs.github.com/en/enterprise-server/rest/git/trees#get-a-tree,
 * https://docs.gitlab.com/api/repositories/#list-repository-tree
 */
export class GitTrees {
  /** The paths of all questions, the newest last. */
  readonly asked: string[] = [];
  readonly #access: TreeAccess;

  constructor(access: TreeAccess) {
    this.#access = access;
  }

  /** Answers a request that is about a folder; false: it is not. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    const url = new URL(request.url ?? '/', 'https://host.example');
    const [, owner = '', name = '', sha = ''] = GITHUB.exec(url.pathname) ?? [];
    const [, project] = GITLAB.exec(url.pathname) ?? [];
    if (sha === '' && project === undefined) return false;
    this.asked.push(`${url.pathname}${url.search}`);
    const handled =
      project === undefined
        ? this.#github(request, `${decodeURIComponent(owner)}/${decodeURIComponent(name)}`, sha, url.searchParams)
        : this.#gitlab(request, decodeURIComponent(project), url.searchParams);
    handled
      .catch(() => refusal(404, 'Not Found'))
      .then(({ status, body }) => {
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      });
    return true;
  }

  async #github(request: IncomingMessage, repository: string, sha: string, query: URLSearchParams): Promise<Answer> {
    if (request.headers['user-agent'] === undefined) return refusal(403, 'a user agent is needed');
    const [, token = null] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const may = this.#access.mayRead(repository, token);
    // A private repository is hidden from whoever gives no token.
    if (may === null || (!may && token === null)) return refusal(404, 'Not Found');
    if (!may) return refusal(401, 'Bad credentials');
    const deep = query.has('recursive') ? ['-r', '-t'] : [];
    const entries = entriesOf(await this.#access.list(repository, [...deep, sha]));
    const tree = entries.map(({ mode, type, id, path }) => ({ path, mode, type, sha: id }));
    return { status: 200, body: { sha, tree, truncated: false } };
  }

  async #gitlab(request: IncomingMessage, repository: string, query: URLSearchParams): Promise<Answer> {
    const token = request.headers['private-token'];
    const may = this.#access.mayRead(repository, token === undefined ? null : String(token));
    if (may === null || (!may && token === undefined)) return refusal(404, '404 Project Not Found');
    if (!may) return refusal(401, '401 Unauthorized');
    const ref = query.get('ref') ?? '';
    if (!COMMIT.test(ref)) return refusal(404, '404 Tree Not Found');
    const folder = query.get('path') ?? '';
    const entries = entriesOf(await this.#access.list(repository, [`${ref}:${folder}`]));
    const [size, page] = [Number(query.get('per_page') ?? 20), Number(query.get('page') ?? 1)];
    const shown = entries.slice((page - 1) * size, page * size).map(({ mode, type, id, path: name }) => {
      return { id, name, type, path: folder === '' ? name : `${folder}/${name}`, mode };
    });
    return { status: 200, body: shown };
  }
}

const LINE = /^(?<mode>\d{6}) (?<type>\w+) (?<id>[0-9a-f]{40})\t(?<path>[\s\S]+)$/;

function entriesOf(listed: string) {
  return listed
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const { mode = '', type = '', id = '', path = '' } = LINE.exec(line)?.groups ?? {};
      return { mode, type, id, path };
    });
}
