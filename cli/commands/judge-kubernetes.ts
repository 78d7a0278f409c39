import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { JsonObject } from '#drift/kubernetes/json.ts';
import { judgeKubernetes, type KubernetesEvidence } from '#drift/kubernetes/judge.ts';
import type { ManifestText } from '#drift/kubernetes/live.ts';
import { readManifests } from '#drift/kubernetes/manifests/read.ts';
import { type GivenOptions, OptionsError, readOptions } from '#drift/kubernetes/read-options.ts';
import { Checkout } from '#services/render/checkout.ts';
import { RenderError } from '#services/render/error.ts';
import { plainManifests } from '#services/render/plain.ts';
import { RENDER_LIMITS, type RenderLimits } from '#services/render/request.ts';
import { readBounded } from '../config-file.ts';
import { type Terminal, UsageError } from '../terminal.ts';
import { offlineReport, printReport } from './offline.ts';

/** The largest dump of live objects that is read. */
const MAX_LIVE_BYTES = 512 * 1024 * 1024;
const MAX_OPTION_BYTES = 4 * 1024 * 1024;
const LIMITS: RenderLimits = { ...RENDER_LIMITS, fileBytes: MAX_LIVE_BYTES, totalBytes: MAX_LIVE_BYTES };
const NAME = 'offline/manifests';

export interface JudgeKubernetesOptions {
  readonly declared: string;
  readonly live: string;
  readonly options?: string;
  readonly json?: boolean;
}

/** `plumbline judge kubernetes`. */
export async function judgeKubernetesFiles(options: JudgeKubernetesOptions, terminal: Terminal): Promise<void> {
  const given = await givenOptions(options.options, terminal);
  const texts = await declaredTexts(options.declared, terminal);
  const dump = await liveText(options.live, terminal);
  const judgement = judgeKubernetes(evidenceOf(texts, dump, given, options.live), given.options, {
    target: NAME,
    severity: 'critical',
    minCoverage: 1,
    fingerprintKey: null,
  });
  const seed = [...texts.map(({ text }) => text), dump ?? ''];
  const report = offlineReport({ target: NAME, layer: 'kubernetes', seed, tool: null, judgement });
  printReport(report, options.json === true, terminal);
}

function evidenceOf(
  texts: readonly ManifestText[],
  dump: string | null,
  { unreached }: GivenOptions,
  file: string,
): KubernetesEvidence {
  const { objects, problems, notes } = readManifests(texts);
  const live = dump === null ? null : readManifests([{ file, text: dump }]);
  const [problem] = live?.problems ?? [];
  const failure =
    live === null
      ? `${file} is not there: nothing is known of the cluster`
      : problem !== undefined &&
        `the dump of live objects cannot be read: ${problem.file}:${problem.line}: ${problem.message}`;
  return {
    declared: objects,
    problems,
    live: {
      objects: (live?.objects ?? []).map(({ value }): JsonObject => value),
      served: null,
      unreached,
      openapi: new Map(),
      notes: [],
    },
    notes,
    ...(failure === false ? {} : { failure }),
  };
}

async function givenOptions(file: string | undefined, terminal: Terminal): Promise<GivenOptions> {
  if (file === undefined) return readOptions({});
  const text = (await readBounded(resolve(terminal.cwd, file), file, MAX_OPTION_BYTES)).toString('utf8');
  try {
    return readOptions(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof OptionsError)) throw error;
    throw new UsageError(`${file}: ${error.message}`, { cause: error });
  }
}

/** A file, or every manifest below a folder. */
async function declaredTexts(entry: string, terminal: Terminal): Promise<readonly ManifestText[]> {
  const path = resolve(terminal.cwd, entry);
  const found = await stat(path).catch((cause: unknown) => {
    throw new UsageError(`${entry} cannot be read: ${cause instanceof Error ? cause.message : cause}`, { cause });
  });
  const root = found.isDirectory() ? path : dirname(path);
  try {
    const checkout = await Checkout.open(root, LIMITS);
    return await plainManifests(checkout, [found.isDirectory() ? '.' : basename(path)]);
  } catch (error) {
    if (!(error instanceof RenderError)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

/** Evidence that is not there is judged as such: the report says so, and so does stderr. */
async function liveText(file: string, terminal: Terminal): Promise<string | null> {
  try {
    return (await readBounded(resolve(terminal.cwd, file), file, MAX_LIVE_BYTES)).toString('utf8');
  } catch (error) {
    const isMissing = (error as { cause?: NodeJS.ErrnoException }).cause?.code === 'ENOENT';
    if (!(error instanceof UsageError) || !isMissing) throw error;
    terminal.err(error.message);
    return null;
  }
}
