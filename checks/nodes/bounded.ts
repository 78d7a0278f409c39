import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProcessRequest, type ProcessResult, type ProcessUser, runProcess } from '#services/process.ts';
import { proxySettings } from '../environment.ts';
import type { Scratch } from '../scratch.ts';

export interface CollectionsWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where ansible-core is kept between builds: only we write there. */
  readonly ansibleCache: string;
  readonly scratch: Pick<Scratch, 'makeFolder' | 'write'>;
  readonly user?: ProcessUser;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** Milliseconds that are left. */
  readonly left: () => number;
}

const MAX_MS = 5 * 60_000;
const MAX_BYTES = 256 * 1024 * 1024;
const WATCH_MS = 500;
/** Of what a process said. */
const MAX_WORDS = 300;
/** What else can be done. */
export const VENDOR = 'vendor the collections below collections/ansible_collections';

/** The part of our environment whose names fit, and the proxies. */
export const ofOurs = (env: CollectionsWorld['env'], which: RegExp): Record<string, string> => ({
  ...proxySettings(env),
  ...Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value !== undefined && which.test(name) ? [[name, value]] : [])),
  ),
});

/** Within its time, and ended when what it writes into these folders becomes too large. */
export async function bounded(
  folders: readonly string[],
  { signal, left }: CollectionsWorld,
  request: Omit<ProcessRequest, 'timeoutMs' | 'signal'>,
): Promise<ProcessResult> {
  const large = new AbortController();
  const measure = async (): Promise<void> => {
    const sizes = await Promise.all(folders.map(bytesBelow));
    if (sizes.reduce((sum, size) => sum + size, 0) > MAX_BYTES) large.abort();
  };
  const watch = setInterval(measure, WATCH_MS);
  try {
    const timeoutMs = Math.min(MAX_MS, left());
    const result = await runProcess({ ...request, timeoutMs, signal: AbortSignal.any([signal, large.signal]) });
    // One that was quick is measured too.
    await measure();
    if (!large.signal.aborted) return result;
    return { ...result, end: { kind: 'too much output', maxBytes: MAX_BYTES } };
  } finally {
    clearInterval(watch);
  }
}

/** Files come and go meanwhile. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0;
  }
  return bytes;
}

/** Why a process did not do what it was started for. */
export function whyNot({ end, stderr }: ProcessResult): string {
  switch (end.kind) {
    case 'exited': {
      const at = stderr.search(/^\s*(ERROR|\[ERROR\])/m);
      const said = at < 0 ? '' : stderr.slice(at).replace(/\s+/g, ' ').trim();
      return said === '' ? `exit code ${end.exitCode}` : said.slice(0, MAX_WORDS);
    }
    case 'timed out':
      return `not within ${Math.round(end.afterMs / 1000)} s`;
    case 'too much output':
      return `more than ${end.maxBytes} bytes were written`;
    case 'aborted':
      return 'stopped';
    case 'killed':
      return `ended by ${end.signal}`;
    case 'not started':
      return `it could not be started (${end.reason})`;
  }
}
