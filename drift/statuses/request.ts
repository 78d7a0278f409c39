import { bitbucketStatusKey } from '../names.ts';
import type { Host } from '../webhook/delivery.ts';
import type { CommitStatus } from './status.ts';

/** What a host is sent. The headers hold a credential. */
export interface StatusRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A repository whose address is none that this kind of host has. */
export class NoStatusAddress extends Error {
  override readonly name = 'NoStatusAddress';
}

/** Hosts know fewer words; what could not be seen must never look good. */
const STATES: Readonly<Record<Host, Readonly<Record<CommitStatus['state'], string>>>> = {
  github: { pending: 'pending', 'in-sync': 'success', drifted: 'failure', unknown: 'error' },
  gitlab: { pending: 'pending', 'in-sync': 'success', drifted: 'failed', unknown: 'failed' },
  bitbucket: { pending: 'INPROGRESS', 'in-sync': 'SUCCESSFUL', drifted: 'FAILED', unknown: 'FAILED' },
};
/** GitLab refuses a longer address (`target_url` of a commit status). */
const GITLAB_LINK = 255;

/**
 * Where and how a host is told a commit's status:
 * https://docs.github.com/en/rest/commits/statuses, https://docs.gitlab.com/api/commits/#set-commit-pipeline-status,
 * https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commit-statuses/
 * @param repository the source's address
 * @throws NoStatusAddress
 */
export function statusRequest(
  host: Host,
  repository: string,
  commit: string,
  status: CommitStatus,
  token: string,
): StatusRequest {
  const { origin, hostname, pathname } = new URL(repository);
  const path = decodeURIComponent(pathname)
    .replace(/^\/+|\/+$/g, '')
    .replace(/\.git$/i, '');
  const segments = path.split('/').map(encodeURIComponent);
  const json = { 'Content-Type': 'application/json', 'User-Agent': 'plumbline' };
  const bearer = { ...json, Authorization: `Bearer ${token}` };
  const state = STATES[host][status.state];
  const { description, context, link } = status;
  if (host === 'gitlab') {
    return {
      url: `${origin}/api/v4/projects/${encodeURIComponent(path)}/statuses/${commit}`,
      headers: { ...json, 'PRIVATE-TOKEN': token },
      body: JSON.stringify({
        ...{ state, description, name: context },
        ...(link.length > GITLAB_LINK ? {} : { target_url: link }),
      }),
    };
  }
  if (segments.length !== 2) {
    throw new NoStatusAddress(`${repository} is no repository of ${host}, which are named owner/repository`);
  }
  if (host === 'github') {
    return {
      url: `${githubApi(hostname, origin)}/repos/${segments.join('/')}/statuses/${commit}`,
      headers: { ...bearer, Accept: 'application/vnd.github+json', 'X-GitHub-Api-Version': '2022-11-28' },
      body: JSON.stringify({ state, description, context, target_url: link }),
    };
  }
  return {
    url: `https://api.${hostname}/2.0/repositories/${segments.join('/')}/commit/${commit}/statuses/build`,
    headers: bearer,
    body: JSON.stringify({ state, description, name: context, key: bitbucketStatusKey(context), url: link }),
  };
}

/** github.com and GHE.com have a host for it; GitHub Enterprise Server a folder. */
function githubApi(hostname: string, origin: string): string {
  const isCloud = hostname === 'github.com' || hostname.endsWith('.ghe.com');
  return isCloud ? `https://api.${hostname}` : `${origin}/api/v3`;
}
