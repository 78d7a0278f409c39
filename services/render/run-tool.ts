import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProcessResult, runProcess } from '../process.ts';
import { RenderError } from './error.ts';
import type { Rendering } from './request.ts';

const GRACE_MS = 1_000;
/** Never resolves, by RFC 6761. */
const NOWHERE = 'http://refused.invalid:9';

export interface ToolRun {
  /** As a person knows it: `helm`. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Where it works and has its home. */
  readonly scratch: string;
  /** Makes its error output a sentence. */
  readonly explain: (stderr: string) => string;
}

/** Runs with a folder of its own, which is gone afterwards. */
export async function withScratch<T>(act: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-render-'));
  try {
    return await act(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Runs a renderer on files of somebody else: it knows none of our environment, reaches only the hosts that the config
 * names, and is bounded in time, memory and output. @throws RenderError
 */
export async function runTool(run: ToolRun, request: Rendering): Promise<string> {
  const limits = request.limits;
  const { file, args } = withMemoryLimit(run, limits.memoryBytes);
  const result = await runProcess({
    file,
    args,
    cwd: run.scratch,
    env: environment(run.scratch, request),
    timeoutMs: request.deadline - Date.now(),
    signal: request.signal,
    stdout: { keep: 'all', maxBytes: limits.outputBytes },
    graceMs: GRACE_MS,
  });
  if (result.end.kind === 'exited' && result.end.exitCode === 0) return result.stdout.toString('utf8');
  throw new RenderError(failure(run, result, request, limits.memoryBytes));
}

/** A Go program reserves far more address space than it uses; what it may reserve beyond its memory. */
const GO_RESERVES_BYTES = 1024 * 1024 * 1024;

/** A chart that repeats a text a billion times must not take the machine with it. */
function withMemoryLimit(run: ToolRun, bytes: number): { readonly file: string; readonly args: readonly string[] } {
  if (process.platform !== 'linux') return run;
  const kib = Math.ceil((bytes + GO_RESERVES_BYTES) / 1024);
  return { file: '/bin/sh', args: ['-c', `ulimit -v ${kib} && exec "$0" "$@"`, run.file, ...run.args] };
}

function environment(scratch: string, request: Rendering): Record<string, string> {
  const hosts = request.check.hosts.join(',');
  return {
    // Git is looked for there when a remote base is allowed, and nothing else is.
    PATH: request.check.hosts.length > 0 ? request.tools.path : '/nonexistent',
    HOME: scratch,
    TMPDIR: scratch,
    LANG: 'C',
    KUBECONFIG: '/dev/null',
    HELM_PLUGINS: join(scratch, 'no-plugins'),
    HELM_CACHE_HOME: join(scratch, 'helm-cache'),
    HELM_CONFIG_HOME: join(scratch, 'helm-config'),
    HELM_DATA_HOME: join(scratch, 'helm-data'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'https',
    ...(request.tools.caFile === undefined
      ? {}
      : { SSL_CERT_FILE: request.tools.caFile, GIT_SSL_CAINFO: request.tools.caFile }),
    // Whatever is fetched, by whichever redirect, from a host that is not named goes nowhere.
    HTTP_PROXY: NOWHERE,
    HTTPS_PROXY: NOWHERE,
    http_proxy: NOWHERE,
    https_proxy: NOWHERE,
    NO_PROXY: hosts,
    no_proxy: hosts,
    GOMEMLIMIT: `${Math.floor(request.limits.memoryBytes * 0.9)}`,
  };
}

function failure(run: ToolRun, result: ProcessResult, request: Rendering, memory: number): string {
  const what = `${run.name} of ${request.check.manifests.join(', ')}`;
  const { end, stderr } = result;
  if (end.kind === 'timed out') return `${what} took longer than ${request.timeoutMs / 1000} s`;
  if (end.kind === 'aborted') return `${what} was stopped`;
  if (end.kind === 'too much output') return `${what} makes more than ${end.maxBytes} bytes of manifests`;
  if (end.kind === 'not started') return `${run.name} cannot be started: ${end.reason}`;
  if (/out of memory|cannot allocate memory/.test(stderr) || result.cut) {
    return `${what} needs more than ${memory} bytes of memory`;
  }
  if (end.kind === 'killed') return `${what} was ended by ${end.signal}`;
  return run.explain(stderr).slice(0, 1_000);
}
