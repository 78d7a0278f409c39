import path from 'node:path';
import { execa } from 'execa';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Runs the demo as a person does, whatever comes of it. */
export const demo = (env: Readonly<Record<string, string>> = {}) =>
  execa(path.join(ROOT, 'node_modules/.bin/node'), ['sandbox/demo.ts'], {
    cwd: ROOT,
    reject: false,
    all: true,
    env: { NO_COLOR: '1', ...env },
  });
