import type { IncomingMessage, ServerResponse } from 'node:http';

/** A commit's status as the host shows it, in the host's own words. */
export interface ShownStatus {
  readonly host: 'github' | 'gitlab';
  /** `acme/infra`. */
  readonly repository: string;
  readonly commit: string;
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly link: string;
}

/** What the host knows of a repository, for whoever wants to write its statuses. */
export interface StatusAccess {
  /** Whether a token may write them; null: there is no such repository. */
  readonly mayWrite: (repository: string, token: string) => boolean | null;
  readonly hasCommit: (repository: string, commit: string) => Promise<boolean>;
}

const MAX_BODY = 100_000;
const GITHUB = /^\/api\/v3\/repos\/([^/]+)\/([^/]+)\/statuses\/([^/]+)$/;
const GITLAB = /^\/api\/v4\/projects\/([^/]+)\/statuses\/([^/]+)$/;
const GITHUB_STATES = ['error', 'failure', 'pending', 'success'];
const GITLAB_STATES = ['pending', 'running', 'success', 'failed', 'canceled', 'skipped'];

interface Answer {
  readonly status: number;
  readonly message: string;
}

/**
 * Commit statuses as GitHub Enterprise Server and GitLab take them, with what each refuses:
 * https://docs.github.com/en/enterprise-server/rest/commits/statuses,
 * https://docs.gitlab.com/api/commits/#set-commit-pipeline-status
 */
export class CommitStatuses {
  /** All that were taken, the newest last. */
  readonly shown: ShownStatus[] = [];
  /** What every attempt was answered. */
  readonly answers: Answer[] = [];
  readonly #access: StatusAccess;

  constructor(access: StatusAccess) {
    this.#access = access;
  }

  /** Answers a request that is about a commit's status; false: it is not. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    const { pathname } = new URL(request.url ?? '/', 'https://host.example');
    const github = GITHUB.exec(pathname);
    const gitlab = GITLAB.exec(pathname);
    if (github === null && gitlab === null) return false;
    const [, owner = '', name = '', commit = ''] = github ?? ['', '', '', ''];
    const handled =
      gitlab === null
        ? this.#github(request, `${decodeURIComponent(owner)}/${decodeURIComponent(name)}`, commit)
        : this.#gitlab(request, decodeURIComponent(gitlab[1] ?? ''), gitlab[2] ?? '');
    handled
      .catch((error: unknown): Answer => ({ status: 400, message: String(error) }))
      .then((answer) => {
        this.answers.push(answer);
        response
          .writeHead(answer.status, { 'Content-Type': 'application/json' })
          .end(JSON.stringify({ message: answer.message }));
      });
    return true;
  }

  async #github(request: IncomingMessage, repository: string, commit: string): Promise<Answer> {
    if (request.method !== 'POST') return { status: 404, message: 'Not Found' };
    if (request.headers['user-agent'] === undefined) return { status: 403, message: 'a user agent is needed' };
    const [kind, token = ''] = (request.headers.authorization ?? '').split(' ');
    if (kind !== 'Bearer') return { status: 401, message: 'Requires authentication' };
    const may = this.#access.mayWrite(repository, token);
    if (may === null) return { status: 404, message: 'Not Found' };
    if (!may) return { status: 401, message: 'Bad credentials' };
    const { state, context = 'default', description = '', target_url = '' } = await bodyOf(request);
    if (!GITHUB_STATES.includes(String(state))) return { status: 422, message: 'state is not included in the list' };
    if (String(description).length > 140) return { status: 422, message: 'description is too long' };
    if (!(await this.#access.hasCommit(repository, commit))) {
      return { status: 422, message: `No commit found for SHA: ${commit}` };
    }
    return this.#take({ host: 'github', repository, commit, state, context, description, link: target_url });
  }

  async #gitlab(request: IncomingMessage, repository: string, commit: string): Promise<Answer> {
    if (request.method !== 'POST') return { status: 404, message: '404 Not Found' };
    const may = this.#access.mayWrite(repository, String(request.headers['private-token'] ?? ''));
    if (may === null) return { status: 404, message: '404 Project Not Found' };
    if (!may) return { status: 401, message: '401 Unauthorized' };
    const { state, name = 'default', description = '', target_url = '' } = await bodyOf(request);
    if (!GITLAB_STATES.includes(String(state))) return { status: 400, message: 'state does not have a valid value' };
    if ([description, target_url].some((text) => String(text).length > 255)) {
      return { status: 400, message: 'is too long (maximum is 255 characters)' };
    }
    if (!(await this.#access.hasCommit(repository, commit))) return { status: 404, message: '404 Commit Not Found' };
    const before = this.shown.findLast((one) => one.commit === commit && one.context === name)?.state;
    if (before === state && ['pending', 'running'].includes(String(state))) {
      return { status: 400, message: `Cannot transition status via :enqueue from :${before} (Reason(s): …)` };
    }
    return this.#take({ host: 'gitlab', repository, commit, state, context: name, description, link: target_url });
  }

  #take(status: { readonly [K in keyof ShownStatus]: K extends 'host' ? ShownStatus['host'] : unknown }): Answer {
    const { host, repository, commit, context, state, description, link } = status;
    const texts = { context: String(context), state: String(state), description: String(description) };
    this.shown.push({ host, repository: String(repository), commit: String(commit), ...texts, link: String(link) });
    return { status: 201, message: 'created' };
  }
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_BODY) throw new Error('the body is too large');
    chunks.push(chunk as Buffer);
  }
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  return typeof body === 'object' && body !== null ? { ...body } : {};
}
