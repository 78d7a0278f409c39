import { cp } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { type Checkout, inFolder } from '../checkout.ts';
import { RenderError } from '../error.ts';
import { missing } from '../missing.ts';

const MAX_ALIASES = 100;
/** Charts in charts in charts. */
const MAX_NESTING = 8;

const DEPENDENCIES = z
  .array(z.looseObject({ name: z.string().min(1), repository: z.string().nullish() }))
  .nullish()
  .transform((found) => found ?? []);
const CHART = z.looseObject({ name: z.string().min(1), dependencies: DEPENDENCIES });

export interface Dependency {
  readonly name: string;
  readonly repository: string;
}

export interface Chart {
  readonly name: string;
  /** What `Chart.yaml` wants and `charts/` does not hold. */
  readonly absent: readonly Dependency[];
}

/** Reads what a chart is, and counts all of its files: Helm reads them by itself, and follows symlinks. @throws RenderError */
export async function readChart(checkout: Checkout, folder: string, at: string): Promise<Chart> {
  const file = inFolder(folder, 'Chart.yaml');
  if ((await checkout.kind(file)) !== 'file') throw new RenderError(`${at}: there is no Chart.yaml in ${folder}`);
  const files = await checkout.files(folder, true);
  for (const name of files) await checkout.admit(name);
  const { name, dependencies } = await yaml(checkout, file, CHART);
  const old = inFolder(folder, 'requirements.yaml');
  const older = files.includes(old) ? await yaml(checkout, old, z.looseObject({ dependencies: DEPENDENCIES })) : null;
  const held = new Set(
    files.map((found) => path.posix.relative(inFolder(folder, 'charts'), found).split('/')[0] ?? ''),
  );
  const absent = [...dependencies, ...(older?.dependencies ?? [])]
    .filter((wanted) => ![...held].some((entry) => holds(entry, wanted.name)))
    .map((wanted) => ({ name: wanted.name, repository: wanted.repository ?? '' }));
  return { name, absent };
}

/** `charts/redis/` or `charts/redis-19.0.1.tgz`; Helm compares the version. */
const holds = (entry: string, name: string): boolean =>
  entry === name || (entry.startsWith(`${name}-`) && entry.endsWith('.tgz'));

async function yaml<T>(checkout: Checkout, file: string, schema: z.ZodType<T>): Promise<T> {
  let value: unknown;
  try {
    value = parse(await checkout.read(file), { maxAliasCount: MAX_ALIASES, logLevel: 'silent' });
  } catch (cause) {
    if (cause instanceof RenderError || !(cause instanceof Error)) throw cause;
    throw new RenderError(`${file}: ${cause.message.split('\n')[0]}`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RenderError(`${file}: ${issue?.path.join('.')} is not what Helm takes: ${issue?.message}`);
}

/** Copies a chart with the charts of the repository that it depends on, those of these too. @throws RenderError */
export async function copyChart(checkout: Checkout, folder: string, into: string, nesting = 0): Promise<void> {
  if (nesting > MAX_NESTING) throw new RenderError(`${folder}: its dependencies are nested too deep, or in a circle`);
  await cp(checkout.absolute(folder), into, { recursive: true, dereference: true });
  const { absent } = await readChart(checkout, folder, folder);
  for (const { name, repository } of absent) {
    if (!isLocal(repository)) continue;
    const at = `${folder}/Chart.yaml: dependency ${name}`;
    const from = checkout.join(folder, repository.slice('file://'.length), at);
    if ((await checkout.kind(from)) !== 'folder') throw await missing(checkout, from, `${at}: ${repository}`);
    await copyChart(checkout, from, path.join(into, 'charts', path.posix.basename(from)), nesting + 1);
  }
}

export const isLocal = (repository: string): boolean => repository.startsWith('file://');
