import { logGroupLink } from '#drift/console.ts';
import { deployed } from '#drift/names.ts';
import type { Layer } from '#drift/target.ts';

/** What every alarm's text needs to know of its deployment. Values may be tokens. */
export interface AlarmText {
  readonly region: string;
  readonly account: string;
  readonly bucket: string;
  /** Address of the operations guide; `docs/operations.md` when the deployment names none. */
  readonly runbooks: string;
}

export interface AlarmWords {
  readonly about: string;
  readonly meaning: string;
  /** Stable ones only: an alarm's text outlives any signature. */
  readonly links: readonly { readonly name: string; readonly url: string }[];
  /** The runbook's anchor. */
  readonly runbook: string;
}

/** What the two alarms of a target mean. */
export function meaningOf(layer: Layer): { readonly drift: string; readonly unknown: string } {
  const [differs, blind] =
    layer === 'nodes'
      ? ['Nodes differ', 'failed, did not reach every node, or could not compare every task']
      : ['What runs differs', 'failed or saw too little'];
  return {
    drift: `${differs} from what git says. The value is the number of open findings that page.`,
    unknown: `Plumbline cannot see whether it drifts. 1: the last check ${blind}. 2: no check came when due.`,
  };
}

/** An alarm's description, as a pager shows it; CloudWatch takes 1,024 characters. */
export function describeAlarm(text: AlarmText, { about, meaning, links, runbook }: AlarmWords): string {
  const lines = links.map(({ name, url }) => `${name}: ${url}`);
  return [about, meaning, ...lines, `Runbook: ${text.runbooks}#${runbook}`].join('\n');
}

/** The console's page of what compares: a project's list of builds, or a function's log. */
export function workerLink(text: AlarmText, layer: Layer, environment: string): { name: string; url: string } {
  if (layer === 'kubernetes')
    return { name: 'Log', url: logGroupLink(text.region, deployed.logGroup(layer, environment)) };
  return { name: 'Builds', url: buildsLink(text, deployed.project(layer, environment)) };
}

/** The console's list of a project's builds. */
function buildsLink({ region, account }: AlarmText, project: string): string {
  const builds = `codesuite/codebuild/${account}/projects/${project}/history`;
  return `https://${region}.console.aws.amazon.com/${builds}?region=${region}`;
}
