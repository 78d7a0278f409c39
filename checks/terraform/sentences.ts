import { posix } from 'node:path';
import { type Diagnostic, diagnosticText, errorDiagnostics } from '#drift/terraform/diagnostics.ts';

/** What to do about an error, by what the tool says. The first that fits counts (facts/terraform.md §8). */
const REMEDIES: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [
    /state migration/i,
    'take away the terraform.tfstate or terraform.tfstate.d that lies beside the module from before it had this backend',
  ],
  [/state lock/i, 'wait until the apply has ended; a lock that was left behind goes with force-unlock'],
  [
    /lock ?file|dependency lock|dependency changes|checksums/i,
    'run `terraform providers lock -platform=linux_amd64` and commit .terraform.lock.hcl',
  ],
  [
    /Failed to (query available|install) provider|Could not (load|retrieve).*provider|Inconsistent dependency/i,
    'mend required_providers, or let the registry be reached',
  ],
  [
    /module (package|not installed)|download module|Unreadable module/i,
    "mend the module's source or version, or give credentials for it (README: private modules)",
  ],
  [/Unsupported (Terraform|OpenTofu) Core version/i, "set the target's terraform.version to one that fits"],
  [
    /state (file|snapshot).*(newer|format)|Unsupported state file|newer (provider )?version/i,
    'name a newer version: terraform.version, or the provider in the lock file',
  ],
  [/NoSuchBucket|bucket .*does not exist/i, "mend the bucket in the target's terraform.backendConfig"],
  [
    /Invalid value for (input )?variable|given value is not suitable/i,
    "mend the value in the target's varFiles, vars or env, or the variable's type",
  ],
  [/required variable/i, "give it in the target's terraform.vars, varFiles or env"],
  [
    /(No valid|find|load|retrieve).* credential|ExpiredToken|InvalidClientTokenId|security token/i,
    'give the check valid credentials',
  ],
  [
    /no such host|connection refused|i\/o timeout|request send failed|TLS handshake/i,
    'let the check reach it: network, proxy, endpoint',
  ],
  [
    /workspaces|load(ing)? (the )?state|backend state|state from S3/i,
    "let the role read the state: list its bucket and key under the environment's state",
  ],
  [/AccessDenied|Access Denied|UnauthorizedOperation|not authorized|Forbidden|403/i, 'let the target role read it'],
  [
    /backend|Missing Required Value|Invalid Value/i,
    "complete the target's terraform.backendConfig, or mend the backend block",
  ],
];

/** Where the files of the check lie; paths in sentences are those of the repository. */
export interface Places {
  /** Folders whose names say nothing to the reader: the checked-out source, the scratch. */
  readonly hidden: readonly string[];
  /** The root module, relative to the source. */
  readonly module: string;
}

/**
 * One sentence for a step that failed: what the tool said first, where, and what to do.
 * @param events lines of a `-json` stream, where there is one
 * @param text what the tool wrote for people
 */
export function failureSentence(step: string, exitCode: number, events: string, text: string, places: Places): string {
  const diagnostics = errorDiagnostics(events);
  const [first, ...more] = diagnostics.length > 0 ? diagnostics : textDiagnostics(text);
  if (first === undefined) {
    const last = text.trim().split('\n').at(-1)?.trim().slice(0, 300) ?? '';
    return `${step} ended with exit code ${exitCode}${last === '' ? ' and said nothing' : `: ${hide(last, places)}`}`;
  }
  const summary = first.summary.split('\n')[0] ?? '';
  const said = diagnosticText({ ...first, summary, place: placeInRepository(first.place, places) });
  const others = more.length > 0 ? ` (and ${more.length} more)` : '';
  return hide(`${step} failed: ${said.replace(/[.\s]+$/, '')}${others}; ${remedyFor(first)}`, places);
}

function remedyFor({ summary, detail, place }: Diagnostic): string {
  const found =
    REMEDIES.find(([pattern]) => pattern.test(summary)) ?? REMEDIES.find(([pattern]) => pattern.test(detail));
  return found?.[1] ?? (place === '' ? 'the log of a run by hand tells more' : 'mend it in the repository');
}

function placeInRepository(place: string, { module }: Places): string {
  return /^[^/].*\.(tf|tofu|json|tfvars|hcl):\d+$/.test(place) ? posix.join(module, place) : place;
}

function hide(text: string, { hidden }: Places): string {
  return hidden.reduce((shorter, folder) => shorter.replaceAll(`${folder}/`, ''), text);
}

/** The errors in what the tool writes for people: `Error: …`, `on main.tf line 3`, an explanation. */
function textDiagnostics(text: string): readonly Diagnostic[] {
  const plain = text.replace(/^[│╷╵] ?/gm, '');
  return plain
    .split(/^Error: /m)
    .slice(1, 20)
    .map((part): Diagnostic => {
      const [summary = '', ...rest] = part.split('\n');
      const body = rest.join('\n');
      const at = /^\s*on (\S+) line (\d+)/m.exec(body);
      const paragraphs = body
        .split(/\n\s*\n/)
        .map((paragraph) => paragraph.replace(/\s+/g, ' ').trim())
        .filter((paragraph) => paragraph !== '' && !/^(on \S+ line|with |\d+: )/.test(paragraph));
      return {
        summary: summary.trim(),
        detail: paragraphs[0]?.slice(0, 300) ?? '',
        place: at === null ? '' : `${at[1]}:${at[2]}`,
        count: 1,
      };
    });
}
