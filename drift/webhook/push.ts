import * as z from 'zod';
import type { Host } from './delivery.ts';

/** Files that one payload may name. */
const MAX_FILES = 10_000;
/** GitHub lists the files of at most 20 commits; GitLab the commits of at most 20 (their documentation of push events). */
const MAX_COMMITS = 20;
const NOTHING = /^0{40}([0-9a-f]{24})?$/;

/** One ref of a repository that was moved. */
export interface Push {
  /** Addresses of the repository, as the host writes them. */
  readonly urls: readonly string[];
  /** `refs/heads/main`. */
  readonly ref: string;
  /** Null: the ref was made. */
  readonly before: string | null;
  /** Null: the ref was deleted. */
  readonly after: string | null;
  /** Who pushed, as the host names them; null: not told. */
  readonly author: string | null;
  /** Paths that the commits touched; null: the payload does not tell all of them. */
  readonly files: readonly string[] | null;
}

/** A payload that is not what its host sends. */
export class MalformedPayload extends Error {
  override readonly name = 'MalformedPayload';
}

const hash = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'is no commit');
const paths = z.array(z.string().max(4096)).max(MAX_FILES);
const commits = z
  .array(z.object({ added: paths.default([]), removed: paths.default([]), modified: paths.default([]) }))
  .max(5000);
const url = z.string().max(2000);

const github = z.object({
  ref: z.string().max(1000),
  before: hash,
  after: hash,
  created: z.boolean().default(false),
  deleted: z.boolean().default(false),
  forced: z.boolean().default(false),
  commits: commits.nullable().default([]),
  pusher: z.object({ name: z.string().max(500) }).optional(),
  repository: z.object({ html_url: url, clone_url: url, ssh_url: url.optional() }),
});

const gitlab = z.object({
  object_kind: z.enum(['push', 'tag_push']),
  ref: z.string().max(1000),
  before: hash,
  after: hash,
  user_username: z.string().max(500).nullish(),
  commits: commits.nullable().default([]),
  total_commits_count: z.number().int().nonnegative(),
  project: z.object({ web_url: url, git_http_url: url, git_ssh_url: url.optional() }),
});

const bitbucketEnd = z.object({
  type: z.string().max(100),
  name: z.string().max(1000),
  target: z.object({ hash }),
});
const bitbucket = z.object({
  actor: z
    .object({ nickname: z.string().max(500).optional(), display_name: z.string().max(500).optional() })
    .optional(),
  repository: z.object({ links: z.object({ html: z.object({ href: url }) }) }),
  push: z.object({
    changes: z.array(z.object({ old: bitbucketEnd.nullable(), new: bitbucketEnd.nullable() })).max(100),
  }),
});

/** What was pushed, by a payload whose proof holds. @throws MalformedPayload */
export function pushesOf(host: Host, payload: unknown): readonly Push[] {
  switch (host) {
    case 'github':
      return [githubPush(read(github, payload))];
    case 'gitlab':
      return [gitlabPush(read(gitlab, payload))];
    case 'bitbucket':
      return bitbucketPushes(read(bitbucket, payload));
  }
}

function read<T>(schema: z.ZodType<T>, payload: unknown): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MalformedPayload(`${issue?.path.join('.') || 'the payload'}: ${issue?.message ?? 'cannot be read'}`);
}

function githubPush(payload: z.infer<typeof github>): Push {
  const { repository, pusher } = payload;
  const isWhole = !payload.created && !payload.forced && (payload.commits ?? []).length < MAX_COMMITS;
  return {
    urls: [
      repository.html_url,
      repository.clone_url,
      ...(repository.ssh_url === undefined ? [] : [repository.ssh_url]),
    ],
    ref: payload.ref,
    before: commitOrNull(payload.before),
    after: payload.deleted ? null : commitOrNull(payload.after),
    author: pusher?.name ?? null,
    files: isWhole ? filesOf(payload.commits ?? []) : null,
  };
}

function gitlabPush(payload: z.infer<typeof gitlab>): Push {
  const { project, commits: listed } = payload;
  const before = commitOrNull(payload.before);
  const isWhole = before !== null && (listed ?? []).length === payload.total_commits_count;
  return {
    urls: [project.web_url, project.git_http_url, ...(project.git_ssh_url === undefined ? [] : [project.git_ssh_url])],
    ref: payload.ref,
    before,
    after: commitOrNull(payload.after),
    author: payload.user_username ?? null,
    // A forced push looks like any other: what it took away is in no commit. Git tells.
    files: isWhole && payload.total_commits_count > 0 ? filesOf(listed ?? []) : null,
  };
}

/** Bitbucket names no files. */
function bitbucketPushes({ push, repository, actor }: z.infer<typeof bitbucket>): readonly Push[] {
  return push.changes.flatMap(({ old: from, new: to }): readonly Push[] => {
    const end = to ?? from;
    if (end === null) return [];
    return [
      {
        urls: [repository.links.html.href],
        ref: `${end.type === 'tag' ? 'refs/tags/' : 'refs/heads/'}${end.name}`,
        before: from?.target.hash ?? null,
        after: to?.target.hash ?? null,
        author: actor?.nickname ?? actor?.display_name ?? null,
        files: null,
      },
    ];
  });
}

const commitOrNull = (commit: string): string | null => (NOTHING.test(commit) ? null : commit);

/** Null where no commit tells any: that is no push that we understand. */
function filesOf(listed: z.infer<typeof commits>): readonly string[] | null {
  const files = new Set(listed.flatMap(({ added, removed, modified }) => [...added, ...removed, ...modified]));
  return files.size === 0 || files.size > MAX_FILES ? null : [...files];
}
