import { writeFile } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import { formatConfigErrors } from '#drift/config/errors.ts';
import { parseConfig } from '#drift/config/parse.ts';
import { findRemote, findWorkingCopy } from '#services/git/working-copy.ts';
import { firstConfig } from '../init/first-config.ts';
import { findRootModules } from '../init/modules.ts';
import { type Terminal, UsageError } from '../terminal.ts';

export interface InitOptions {
  readonly config: string;
  readonly stdout?: boolean;
}

/** `plumbline init`: a first config from what lies in the repository. It never overwrites. */
export async function init(options: InitOptions, terminal: Terminal): Promise<void> {
  const { PATH = '', HOME = '/' } = terminal.env;
  const env = { PATH, HOME };
  const top = (await findWorkingCopy(terminal.cwd, env))?.top ?? terminal.cwd;
  const modules = await findRootModules(top);
  if (!modules.some(({ isRemote }) => !isRemote)) {
    throw new UsageError(
      `no terraform root module lies in ${top}: one has *.tf files, and .terraform.lock.hcl, a backend or a provider; run terraform init in it, or write plumbline.yaml by hand`,
    );
  }
  const remote = await findRemote(top, env);
  const text = firstConfig({ name: basename(top), modules, ...remote });
  const parsed = parseConfig(text, options.config, null);
  if (!parsed.ok) throw new Error(`the first config is not valid: ${formatConfigErrors(parsed.errors)}`);
  if (options.stdout === true) {
    terminal.out(text.trimEnd());
    return;
  }
  await writeNew(resolve(terminal.cwd, options.config), options.config, text);
  const count = parsed.config.targets.length;
  terminal.out(
    `${options.config}: ${count} target${count === 1 ? '' : 's'} from ${relative(terminal.cwd, top) || 'this folder'}. Next: plumbline validate, then plumbline check`,
  );
}

async function writeNew(path: string, name: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === 'EEXIST'
        ? 'is there already and is not overwritten; name another one with --config, or print it with --stdout'
        : `cannot be written: ${message}`;
    throw new UsageError(`${name} ${why}`, { cause: error });
  }
}
