/** What the tool's process may see of our own environment. Everything else stays with us. */
const ALWAYS =
  /^(PATH|LANG|LC_ALL|AWS_REGION|AWS_DEFAULT_REGION|AWS_ENDPOINT_URL(_[A-Z0-9_]+)?|AWS_CA_BUNDLE|AWS_USE_[A-Z0-9_]+|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy|SSL_CERT_FILE|SSL_CERT_DIR|GIT_SSL_CAINFO|NODE_EXTRA_CA_CERTS|XDG_DATA_DIRS|TF_PLUGIN_CACHE_DIR)$/;

/** On a person's own machine the tool runs as that person: with the credentials that terraform would find anyway. */
const WORKSTATION =
  /^(HOME|USER|LOGNAME|SSH_AUTH_SOCK|KUBECONFIG|TF_CLI_CONFIG_FILE|TF_TOKEN_.+|AWS_.+|GOOGLE_.+|CLOUDSDK_.+|ARM_.+|AZURE_.+)$/;

/**
 * The part of our environment that the tool gets. `service`: nothing that could be a credential of the build.
 * `workstation`: the person's own configuration too. Never anything that changes what terraform does (`TF_CLI_ARGS`,
 * `TF_LOG`, `TF_WORKSPACE`, …).
 */
export function toolEnvironment(
  ours: Readonly<Record<string, string | undefined>>,
  place: 'service' | 'workstation',
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(ours)) {
    if (value === undefined) continue;
    if (ALWAYS.test(name) || (place === 'workstation' && WORKSTATION.test(name))) kept[name] = value;
  }
  return kept;
}

/** The proxy settings alone, for git. */
export function proxySettings(ours: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(ours)) {
    if (value !== undefined && /^(HTTPS?_PROXY|NO_PROXY)$/i.test(name)) kept[name] = value;
  }
  return kept;
}

/** Names that `terraform.env` may not set: they would change what is run, or whose code. */
const RESERVED =
  /^(TF_CLI_|TF_LOG|TF_(DATA_DIR|WORKSPACE|INPUT|IN_AUTOMATION|REATTACH_PROVIDERS|ENCRYPTION)$|(PATH|HOME|TMPDIR|IFS|ENV|BASH_ENV)$|LD_|DYLD_|NODE_OPTIONS$|AWS_CONTAINER_)/;

/** The names among these that are refused. */
export function reservedNames(names: Iterable<string>): readonly string[] {
  return [...names].filter((name) => RESERVED.test(name) || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
}
