import path from 'node:path';
import { execa } from 'execa';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Runs the demo as a person does, whatever comes of it. */
export const demo = (...args: string[]) =>
  execa('node', ['sandbox/demo.ts', ...args], {
    cwd: ROOT,
    preferLocal: true,
    reject: false,
    all: true,
    env: { NO_COLOR: '1' },
  });
