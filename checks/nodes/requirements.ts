import { posix } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { NotReady } from '../not-ready.ts';
import { kindOf, readSmall, shown } from './pack.ts';

/** A collection that ansible-galaxy is asked for. */
export interface CollectionRequirement {
  readonly name: string;
  readonly version?: string;
  readonly type: 'galaxy' | 'url' | 'git';
  readonly source?: string;
}

/** Where a playbook's collections and roles may lie: folders from the root of the repository. */
export interface Vendored {
  readonly collections: readonly string[];
  readonly roles: readonly string[];
}

const MAX_BYTES = 1024 * 1024;
const NAMES = ['requirements', 'collections/requirements', 'roles/requirements'].flatMap((name) =>
  ['yml', 'yaml'].map((ending) => `${name}.${ending}`),
);

const collection = z.union([
  z.string().transform((name) => ({ name })),
  z.object({
    name: z.string(),
    version: z.union([z.string(), z.number()]).transform(String).optional(),
    type: z.string().optional(),
    source: z.string().optional(),
  }),
]);
type Written = {
  readonly name: string;
  readonly version?: string | undefined;
  readonly type?: string | undefined;
  readonly source?: string | undefined;
};
const role = z.union([
  z.string().transform((name) => ({ name, src: undefined })),
  z.object({ name: z.string().optional(), src: z.string().optional() }),
]);
const file = z
  .union([
    z.object({ collections: z.array(collection).nullish(), roles: z.array(role).nullish() }),
    z.array(role).transform((roles) => ({ collections: [], roles })),
  ])
  .nullable();

/**
 * The collections that the repository asks for and does not have itself, each in one exact version. There is no place
 * for a token: what a server gives to nobody but its users has to be in the repository.
 * @param folders where requirements files may lie, from the root of the repository
 * @throws NotReady with what to write
 */
export async function wantedCollections(
  root: string,
  folders: readonly string[],
  vendored: Vendored,
): Promise<readonly CollectionRequirement[]> {
  const wanted = new Map<string, CollectionRequirement>();
  for (const path of new Set(folders.flatMap((folder) => NAMES.map((name) => posix.join(folder, name))))) {
    const text = await readSmall(root, path, MAX_BYTES);
    if (text === null) continue;
    const { collections, roles } = readFile(text, path);
    for (const { name, src } of roles ?? []) await refuseRole(root, name ?? src ?? '', path, vendored);
    for (const written of collections ?? []) {
      if (await isVendored(root, written.name, vendored)) continue;
      const requirement = pinned(written, path);
      wanted.set(JSON.stringify(requirement), requirement);
    }
  }
  return [...wanted.values()];
}

function readFile(text: string, path: string): NonNullable<z.infer<typeof file>> {
  let written: unknown;
  try {
    written = parse(text, { maxAliasCount: 0 });
  } catch (cause) {
    throw new NotReady(`${shown(path)} cannot be read as YAML: correct it`, { cause });
  }
  const parsed = file.safeParse(written);
  if (parsed.success) return parsed.data ?? {};
  throw new NotReady(`${shown(path)} is no requirements file: write collections: [{ name: …, version: … }]`);
}

/** Roles have no lock that could be checked. */
async function refuseRole(root: string, written: string, path: string, { roles }: Vendored): Promise<void> {
  const name = (written.split('/').at(-1) ?? '').replace(/(\.git|\.tar\.gz)$/, '');
  for (const folder of roles) {
    if (/^[\w.-]+$/.test(name) && (await kindOf(root, posix.join(folder, name))) === 'folder') return;
  }
  throw new NotReady(
    `${shown(path)} wants the role ${shown(written)}, which is not in the repository: vendor it below roles/`,
  );
}

/** Whether a collection lies in the repository. @throws NotReady */
export async function isVendored(root: string, name: string, { collections }: Vendored): Promise<boolean> {
  const [, namespace, last] = NAME.exec(name) ?? [];
  if (namespace === undefined || last === undefined) return false;
  for (const folder of collections) {
    const kind = await kindOf(root, posix.join(folder, 'ansible_collections', namespace, last));
    if (kind === 'folder' || kind === 'link') return true;
  }
  return false;
}

const NAME = /^([a-z_][a-z0-9_]*)\.([a-z_][a-z0-9_]*)$/;
/** Semantic versioning, as collections have to have it. */
const EXACT = /^(?:==)?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$/;
const COMMIT = /^[0-9a-f]{40}$/;

function pinned(written: Written, path: string): CollectionRequirement {
  const { name, version, source } = written;
  const type = written.type ?? (NAME.test(name) ? 'galaxy' : name.startsWith('https://') ? 'url' : 'other');
  const where = `${shown(path)} wants ${shown(name)}`;
  const refuse = (why: string): never => {
    throw new NotReady(`${where} ${why}, or vendor it below collections/ansible_collections`);
  };
  switch (type) {
    case 'galaxy': {
      if (!NAME.test(name)) return refuse('by no name of a collection: write namespace.name');
      const exact = EXACT.exec(version ?? '')?.[1];
      if (exact === undefined) return refuse('in no exact version: write version: and one, such as 2.1.0');
      if (source !== undefined && !isHttps(source))
        return refuse('from a server that is no https:// address: write one');
      return { name, version: exact, type, ...(source === undefined ? {} : { source }) };
    }
    case 'url':
      if (!isHttps(source ?? name)) return refuse('from an address that is not https://: write one');
      return { name: source ?? name, type };
    case 'git': {
      const repository = (source ?? name).replace(/^git\+/, '');
      if (!isHttps(repository)) return refuse('from a repository that is not https://: write one');
      if (!isOnlyAddress(repository)) {
        return refuse(
          'by more than an address and a folder in it: write https://…#folder, and the commit into version:',
        );
      }
      if (!COMMIT.test(version ?? '')) return refuse('at no exact commit: write version: and its 40 digits');
      return { name: repository, version: version ?? '', type };
    }
    default:
      return refuse('from another place than galaxy, https:// or git: name one of these');
  }
}

/** To ansible-galaxy a comma begins another version, which would hold; after "#" comes a folder, of the repository alone. */
function isOnlyAddress(repository: string): boolean {
  const [, folder = '', ...others] = repository.split('#');
  return others.length === 0 && !repository.includes(',') && !folder.split('/').includes('..');
}

/** Without a user in it: there is no place for credentials. */
const isHttps = (address: string): boolean => /^https:\/\/[^@\s]+$/.test(address);
