import type { Host } from '../webhook/delivery.ts';

/** Where a git host's API keeps a repository, and how a request is made. The headers may hold a credential. */
export interface RepositoryApi {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A repository whose address is none that this kind of host has. */
export class NoRepositoryAddress extends Error {
  override readonly name = 'NoRepositoryAddress';
}

/**
 * The API of a repository: https://docs.github.com/en/rest, https://docs.gitlab.com/api/rest/,
 * https://developer.atlassian.com/cloud/bitbucket/rest/
 * @param repository the source's address
 * @param token null: without proof, as public repositories are read
 * @throws NoRepositoryAddress
 */
export function repositoryApi(host: Host, repository: string, token: string | null): RepositoryApi {
  const { origin, hostname, pathname } = new URL(repository);
  const path = decodeURIComponent(pathname)
    .replace(/^\/+|\/+$/g, '')
    .replace(/\.git$/i, '');
  const json = { 'Content-Type': 'application/json', 'User-Agent': 'plumbline' };
  if (host === 'gitlab') {
    return {
      url: `${origin}/api/v4/projects/${encodeURIComponent(path)}`,
      headers: { ...json, ...(token === null ? {} : { 'PRIVATE-TOKEN': token }) },
    };
  }
  const segments = path.split('/').map(encodeURIComponent);
  if (segments.length !== 2) {
    throw new NoRepositoryAddress(`${repository} is no repository of ${host}, which are named owner/repository`);
  }
  const bearer = { ...json, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
  if (host === 'github') {
    return {
      url: `${githubApi(hostname, origin)}/repos/${segments.join('/')}`,
      headers: { ...bearer, Accept: 'application/vnd.github+json', 'X-GitHub-Api-Version': '2022-11-28' },
    };
  }
  return { url: `https://api.${hostname}/2.0/repositories/${segments.join('/')}`, headers: bearer };
}

/** github.com and GHE.com have a host for it; GitHub Enterprise Server a folder. */
function githubApi(hostname: string, origin: string): string {
  const isCloud = hostname === 'github.com' || hostname.endsWith('.ghe.com');
  return isCloud ? `https://api.${hostname}` : `${origin}/api/v3`;
}
