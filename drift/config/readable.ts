import type * as z from 'zod';
import type { Path } from './errors.ts';

type Entries = Record<string, unknown>;

/** What must be there for the rest to be read. */
const SKELETON = { version: 1, environments: {}, targets: {} } as const;

/** The parts of a file that the schema takes. */
export interface Readable {
  readonly file: unknown;
  /** Where a path of that file is in the written one: list entries that were left out shift those after them. */
  readonly written: (path: Path) => Path;
}

/**
 * Leaves out the entries that the schema refuses, so that what does not fit together in the rest can be told in the
 * same round. Unknown keys are left out alone, with the entry they stand in kept.
 */
export function readablePart(written: unknown, issues: readonly z.core.$ZodIssue[]): Readable | null {
  if (!isEntries(written)) return null;
  const file = structuredClone(written);
  const lost = new Map<string, Set<number>>();
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') {
      const parent = at(file, issue.path);
      for (const key of issue.keys) delete parent?.[key];
      continue;
    }
    const [top, entry] = issue.path;
    if (top === undefined) return null;
    const section = file[String(top)];
    if (Array.isArray(section) && typeof entry === 'number') {
      lost.set(String(top), (lost.get(String(top)) ?? new Set()).add(entry));
    } else if (isEntries(section) && entry !== undefined) delete section[String(entry)];
    else delete file[String(top)];
  }
  const kept = new Map<string, readonly number[]>();
  for (const [top, indices] of lost) {
    const section = file[top];
    if (!Array.isArray(section)) continue;
    const left = [...section.keys()].filter((index) => !indices.has(index));
    kept.set(top, left);
    file[top] = left.map((index) => section[index]);
  }
  return { file: { ...SKELETON, ...file }, written: (path) => shifted(path, kept) };
}

function shifted(path: Path, kept: ReadonlyMap<string, readonly number[]>): Path {
  const [top, entry, ...rest] = path;
  const index = typeof entry === 'number' ? kept.get(String(top))?.[entry] : undefined;
  return top === undefined || index === undefined ? path : [top, index, ...rest];
}

function at(file: Entries, path: Path): Entries | null {
  let node: unknown = file;
  for (const step of path) {
    if (Array.isArray(node)) node = node[Number(step)];
    else node = isEntries(node) ? node[String(step)] : null;
  }
  return isEntries(node) ? node : null;
}

const isEntries = (value: unknown): value is Entries =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
