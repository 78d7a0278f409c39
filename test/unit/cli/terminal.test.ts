import { afterEach, expect, test, vi } from 'vitest';
import { processTerminal } from '#cli/terminal.ts';

const { isTTY } = process.stdout;
afterEach(() => {
  vi.unstubAllEnvs();
  process.stdout.isTTY = isTTY;
});

test.each([
  { tty: true, env: {}, coloured: true },
  { tty: false, env: {}, coloured: false },
  { tty: true, env: { NO_COLOR: '1' }, coloured: false },
  { tty: true, env: { TERM: 'dumb' }, coloured: false },
  { tty: true, env: { NO_COLOR: '' }, coloured: true },
])('colours on a terminal only, and not where they are unwanted: $tty $env', ({ tty, env, coloured }) => {
  for (const [name, value] of Object.entries({ NO_COLOR: '', TERM: 'xterm', ...env })) vi.stubEnv(name, value);
  process.stdout.isTTY = tty;
  expect(processTerminal().colours.isColorSupported).toBe(coloured);
});
