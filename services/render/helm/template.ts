import path from 'node:path';
import { parseDocument } from 'yaml';
import type { ManifestText } from '#drift/kubernetes/live.ts';
import type { Checkout } from '../checkout.ts';
import { RenderError } from '../error.ts';
import { onlyFolder } from '../kustomize/build.ts';
import { missing } from '../missing.ts';
import type { Rendering } from '../request.ts';
import { runTool, withScratch } from '../run-tool.ts';
import { findRenderer } from '../tools.ts';
import { type Chart, copyChart, type Dependency, isLocal, readChart } from './chart.ts';

/** Helm's own rule for releases. */
const RELEASE = /^(?=.{1,53}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const API_VERSION = /^[A-Za-z0-9][A-Za-z0-9./-]{0,252}$/;
/** What Linux takes as one argument. */
const MAX_ARGUMENT = 128 * 1024;

/** What `helm template` would install, without hooks and tests. @throws RenderError */
export async function helmManifests(checkout: Checkout, request: Rendering): Promise<readonly ManifestText[]> {
  const folder = await onlyFolder(checkout, request.check.manifests, 'helm');
  const chart = await readChart(checkout, folder, `manifests: ${folder}`);
  const options = await templateOptions(checkout, request);
  const helm = await findRenderer(['helm'], request.tools);
  return withScratch(async (scratch) => {
    const run = (args: readonly string[]): Promise<string> => {
      const explain = (stderr: string): string => sentence(stderr, chart.name, folder, [checkout.root, scratch]);
      return runTool({ name: 'helm', file: helm, args, scratch, explain }, request);
    };
    const source = await complete(checkout, folder, chart, request.check.hosts, scratch, run);
    return manifestsOf(await run(['template', ...options, '--', request.check.release, source]), folder);
  });
}

async function templateOptions(checkout: Checkout, request: Rendering): Promise<readonly string[]> {
  const { release, namespace, values } = request.check;
  if (!RELEASE.test(release)) throw new RenderError(`release: ${release} is no name that Helm takes for a release`);
  if (!NAMESPACE.test(namespace)) throw new RenderError(`namespace: ${namespace} is no name of a namespace`);
  const options = [`--namespace=${namespace}`, '--include-crds', '--no-hooks', '--skip-tests'];
  for (const entry of values) {
    const file = checkout.join('.', entry, `values: ${entry}`);
    if ((await checkout.kind(file)) !== 'file') throw await missing(checkout, file, `values: ${entry}`);
    await checkout.admit(file);
    options.push(`--values=${checkout.absolute(file)}`);
  }
  const { version, apiVersions } = request.server ?? { version: null, apiVersions: [] };
  if (version !== null && /^v?\d+\.\d+[\w.+-]*$/.test(version)) options.push(`--kube-version=${version}`);
  const known = apiVersions.filter((name) => API_VERSION.test(name)).join(',');
  if (known.length > MAX_ARGUMENT - 64) throw new RenderError(`the server serves too many API versions to tell Helm`);
  if (known !== '') options.push(`--api-versions=${known}`);
  return options;
}

/** The chart with all of its dependencies: as it is, or a copy. @returns the folder to render */
async function complete(
  checkout: Checkout,
  folder: string,
  chart: Chart,
  hosts: readonly string[],
  scratch: string,
  run: (args: readonly string[]) => Promise<string>,
): Promise<string> {
  if (chart.absent.length === 0) return checkout.absolute(folder);
  const remote = chart.absent.filter(({ repository }) => !isLocal(repository));
  for (const dependency of remote) checkAllowed(folder, dependency, hosts);
  const copy = path.join(scratch, 'chart');
  if (remote.length > 0 && remote.length < chart.absent.length) {
    // Helm resolves all at once, and the paths of the others are not those of a copy.
    throw new RenderError(
      `${folder}/Chart.yaml: it wants charts both of the repository and of a host; run "helm dependency build ${folder}" and commit ${folder}/charts`,
    );
  }
  await copyChart(checkout, folder, copy);
  if (remote.length === 0) return copy;
  const repositories = new Set(remote.map(({ repository }) => repository).filter((url) => url.startsWith('https:')));
  for (const [index, url] of [...repositories].entries()) await run(['repo', 'add', `dependency-${index}`, url]);
  await run(['dependency', 'build', copy]);
  return copy;
}

/** @throws RenderError with the remedy */
function checkAllowed(folder: string, { name, repository }: Dependency, hosts: readonly string[]): void {
  const remedy = `run "helm dependency build ${folder}" and commit ${folder}/charts`;
  const at = `${folder}/Chart.yaml: the dependency ${name} is not in ${folder}/charts`;
  const url = URL.canParse(repository) ? new URL(repository) : null;
  if (url === null || !['https:', 'oci:'].includes(url.protocol)) throw new RenderError(`${at}: ${remedy}`);
  if (!hosts.includes(url.hostname)) {
    throw new RenderError(`${at}: ${remedy}, or name ${url.hostname} in the target's hosts`);
  }
}

/** Helm says above each manifest which template made it. */
function manifestsOf(output: string, folder: string): readonly ManifestText[] {
  const texts: ManifestText[] = [];
  for (const part of output.split(/^---\n(?=# Source: )/m)) {
    if (part.trim() === '' || isHook(part)) continue;
    const template = /^# Source: [^/\n]+\/(.*)$/m.exec(part)?.[1];
    texts.push({ file: `helm template ${folder}${template === undefined ? '' : `: ${template}`}`, text: part });
  }
  if (texts.length === 0) throw new RenderError(`${folder}: the chart renders no manifest with these values`);
  return texts;
}

/** Old Helm leaves out hooks in `crds/` and of subcharts only in part. */
function isHook(text: string): boolean {
  if (!text.includes('helm.sh/hook')) return false;
  const document = parseDocument(text, { logLevel: 'silent' });
  return document.errors.length === 0 && document.hasIn(['metadata', 'annotations', 'helm.sh/hook']);
}

function sentence(stderr: string, chart: string, folder: string, hidden: readonly string[]): string {
  let text = stderr.slice(Math.max(0, stderr.lastIndexOf('Error: '))).trim();
  for (const place of hidden) text = text.replaceAll(`${place}/`, '').replaceAll(place, '.');
  text = text
    .replace(/^Error: /, '')
    .replace(/\s*Use --debug flag to render out invalid YAML\s*/, '')
    .replace(/\s*\n\s*/g, ' ')
    .replaceAll(
      new RegExp(`(?<![\\w/.-])${literally(chart)}/(?=(templates|charts|crds|values)\\b)`, 'g'),
      `${folder}/`,
    );
  return `${folder}: helm says: ${text}`;
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
