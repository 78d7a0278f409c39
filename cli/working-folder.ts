import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Note } from '#drift/note.ts';
import type { Target } from '#drift/target.ts';
import { findWorkingCopy, hasLocalChanges } from '#services/git/working-copy.ts';
import type { Terminal } from './terminal.ts';

/** The files that a local check looks at, and what git says of them. */
export interface WorkingFolder {
  readonly folder: string;
  /** Where the config file lies: what its own paths start from. */
  readonly configFolder: string;
  readonly commit: string | null;
  readonly notes: readonly Note[];
}

/** Where a target's files lie: beside the config file, or else at the top of the config's git repository. */
export class WorkingFolders {
  readonly #beside: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #known = new Map<string, Promise<WorkingFolder>>();

  constructor(configFile: string, terminal: Terminal) {
    this.#beside = dirname(resolve(terminal.cwd, configFile));
    const { PATH = '', HOME = '/' } = terminal.env;
    this.#env = { PATH, HOME };
  }

  async of(target: Target): Promise<WorkingFolder> {
    const top = (await findWorkingCopy(this.#beside, this.#env))?.top ?? this.#beside;
    const folder = (await isThere(join(this.#beside, startOf(target)))) ? this.#beside : top;
    const known = this.#known.get(folder) ?? this.#describe(folder);
    this.#known.set(folder, known);
    return known;
  }

  async #describe(folder: string): Promise<WorkingFolder> {
    const copy = await findWorkingCopy(folder, this.#env);
    if (copy === null) {
      return {
        folder,
        configFolder: this.#beside,
        commit: null,
        notes: [{ kind: 'commit', text: `${folder} is in no git repository` }],
      };
    }
    const changed = await hasLocalChanges(folder, this.#env);
    const notes = changed ? [{ kind: 'commit', text: 'the working copy has local changes that no commit holds' }] : [];
    return { folder, configFolder: this.#beside, commit: copy.commit, notes };
  }
}

/** The path that shows where a target's files lie; of a glob the part before its first special character. */
function startOf(target: Target): string {
  if (target.layer === 'terraform') return target.terraform.path;
  if (target.layer === 'nodes') return target.nodes.playbook;
  const [first = '.'] = target.kubernetes.manifests;
  const steps = first.split('/');
  const special = steps.findIndex((step) => /[*?[\]{}!()]/.test(step));
  return special === -1 ? first : steps.slice(0, special).join('/');
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
