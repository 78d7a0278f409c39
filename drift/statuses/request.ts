import { repositoryApi } from '../git-host/api.ts';
import { bitbucketStatusKey } from '../names.ts';
import type { Host } from '../webhook/delivery.ts';
import type { CommitStatus } from './status.ts';

/** What a host is sent. The headers hold a credential. */
export interface StatusRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
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
 * @throws NoRepositoryAddress
 */
export function statusRequest(
  host: Host,
  repository: string,
  commit: string,
  status: CommitStatus,
  token: string,
): StatusRequest {
  const { url, headers } = repositoryApi(host, repository, token);
  const state = STATES[host][status.state];
  const { description, context, link } = status;
  switch (host) {
    case 'github': {
      const body = JSON.stringify({ state, description, context, target_url: link });
      return { url: `${url}/statuses/${commit}`, headers, body };
    }
    case 'gitlab': {
      const target = link.length > GITLAB_LINK ? {} : { target_url: link };
      const body = JSON.stringify({ state, description, name: context, ...target });
      return { url: `${url}/statuses/${commit}`, headers, body };
    }
    case 'bitbucket': {
      const key = bitbucketStatusKey(context);
      const body = JSON.stringify({ state, description, name: context, key, url: link });
      return { url: `${url}/commit/${commit}/statuses/build`, headers, body };
    }
  }
}
