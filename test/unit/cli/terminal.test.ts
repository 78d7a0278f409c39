import { afterEach, expect, test, vi } from 'vitest';
import { processTerminal, UsageError } from '#cli/terminal.ts';

const { isTTY } = process.stdout;
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
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

test.each([new UsageError('evil \u001b[2J\u202e\nnext'), new Error('evil \u001b[2J\u202e\nnext')])(
  'an error in the words of a function or a file redraws nothing: %o',
  (error) => {
    const { exitCode } = process;
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    processTerminal().fail(error);
    process.exitCode = exitCode;
    const text = String(write.mock.calls[0]?.[0]);
    expect(text).toContain('evil \\u001b[2J\\u202e\nnext');
    expect(text.match(/(?!\n)[\p{Cc}\p{Cf}]/u)).toBeNull();
  },
);
