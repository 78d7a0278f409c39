import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The plugin's text, put in where this tool is bundled into one file (esbuild's `define`). */
declare const PLUMBLINE_PLUGIN: string | undefined;

/** Ansible finds a plugin by the name of its file. */
export const PLUGIN_NAME = 'plumbline_events.py';

/** Our callback plugin: it writes what a run says to a file. */
export async function pluginText(): Promise<string> {
  if (typeof PLUMBLINE_PLUGIN === 'string') return PLUMBLINE_PLUGIN;
  return readFile(join(import.meta.dirname, 'plugin', PLUGIN_NAME), 'utf8');
}
