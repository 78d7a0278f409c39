/**
 * The host that kustomize would fetch an entry from; null: it is a path. Kustomize asks whether an entry looks like a
 * repository before it looks for a folder of that name, so this goes by its looks alone.
 */
export function remoteHost(entry: string): string | null {
  // `git::https://…` is what Terraform writes, and kustomize takes it.
  const text = entry.trim().replace(/^git::/i, '');
  const url = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/?#]*@)?([^:/?#]*)/i.exec(text);
  if (url !== null) return (url[1] ?? '').toLowerCase();
  if (/^gh:/i.test(text)) return 'github.com';
  const scp = /^[^/@:]+@([^/:]+)[:/]/.exec(text);
  if (scp?.[1] !== undefined) return scp[1].toLowerCase();
  // `github.com/acme/base`, `git.acme.example:base`, `host/repository?ref=main`, `host/repository.git//folder`
  const bare = /^((?:www\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)+)[/:]/i.exec(text)?.[1]?.toLowerCase();
  if (bare !== undefined && (/^(www\.)?github\.com$/.test(bare) || isReference(text)))
    return bare.replace(/^www\./, '');
  return isReference(text) ? (text.split('/')[0] ?? text) : null;
}

const isReference = (text: string): boolean => /[?&](ref|version)=|\.git(\/|$|\?)|\/_git\//.test(text);

/** Only https is fetched: what comes over plain http or git's own protocol can be anybody's. */
export const isHttps = (entry: string): boolean => /^(git::)?https:\/\//i.test(entry.trim());
