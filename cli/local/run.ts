import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Run } from '#drift/run.ts';
import type { Terminal } from '../terminal.ts';
import type { WorkingFolder } from '../working-folder.ts';

/** What a check on a person's own machine has at hand, whichever its layer. */
export interface LocalRun {
  readonly run: Run;
  readonly working: WorkingFolder;
  readonly terminal: Terminal;
  readonly progress: (step: string) => void;
}

/** Where tools are kept between checks. */
export function toolCache({ env }: Terminal): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'plumbline');
}

/** Credentials in the shell: no report may hold them. */
export function ownCredentials({ env }: Terminal): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && /(SECRET|TOKEN|PASSWORD|CREDENTIALS|_KEY)/.test(name) ? [value] : [],
  );
}
