import * as z from 'zod';
import { MAX_CHANGED_FILES } from './changes.ts';
import type { Host } from './delivery.ts';

/**
 * GitHub tells no total: a list that is as long as its limit may be cut
 * (https://docs.github.com/en/webhooks/webhook-events-and-payloads#push). GitLab lists 20 commits, and their number.
 */
const GITHUB_LIMITS = { commits: 2048, filesOfCommit: 3000 } as const;
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
  /** The host does not tell whether the push was forced: then it took away what is in no commit of the payload. */
  readonly mayBeForced: boolean;
}

/** A payload that is not what its host sends. */
export class MalformedPayload extends Error {
  override readonly name = 'MalformedPayload';
}

const hash = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'is no commit');
// How long these lists may be, the size of a body bounds.
const paths = z.array(z.string()).default([]);
const commits = z.array(z.object({ added: paths, removed: paths, modified: paths }));
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
  const listed = payload.commits ?? [];
  const isWhole =
    !payload.created &&
    !payload.forced &&
    listed.length < GITHUB_LIMITS.commits &&
    listed.every((commit) => namedBy(commit).length < GITHUB_LIMITS.filesOfCommit);
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
    files: isWhole ? filesOf(listed) : null,
    mayBeForced: false,
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
    files: isWhole && payload.total_commits_count > 0 ? filesOf(listed ?? []) : null,
    mayBeForced: true,
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
        mayBeForced: true,
      },
    ];
  });
}

const commitOrNull = (commit: string): string | null => (NOTHING.test(commit) ? null : commit);

const namedBy = ({ added, removed, modified }: z.infer<typeof commits>[number]): readonly string[] => [
  ...added,
  ...removed,
  ...modified,
];

/** Null where no commit tells any: that is no push that we understand. */
function filesOf(listed: z.infer<typeof commits>): readonly string[] | null {
  const files = new Set(listed.flatMap(namedBy));
  return files.size === 0 || files.size > MAX_CHANGED_FILES ? null : [...files];
}
