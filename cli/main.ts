import { createProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

const terminal = processTerminal();
createProgram(terminal)
  .parseAsync(process.argv)
  .catch((error: unknown) => {
    terminal.fail(error);
  });
