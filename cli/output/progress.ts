import { Listr, ListrLogger, ProcessOutput } from 'listr2';
import type { Terminal } from '../terminal.ts';

/**
 * Does `act` for one part after the other; on a terminal the steps are drawn on stderr while it works, and are gone
 * when it is done: the result speaks for itself.
 */
export async function withProgress<Part extends { readonly name: string }>(
  parts: readonly Part[],
  terminal: Terminal,
  act: (part: Part, progress: (step: string) => void) => Promise<void>,
): Promise<void> {
  if (!terminal.interactive) {
    for (const part of parts) await act(part, () => undefined);
    return;
  }
  const tasks = parts.map((part) => ({
    title: part.name,
    task: (_context: unknown, task: { output: string }): Promise<void> =>
      act(part, (step) => {
        task.output = step;
      }),
  }));
  // What listr calls stdout is our stderr: stdout belongs to the result.
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stdout) });
  await new Listr(tasks, {
    concurrent: false,
    exitOnError: true,
    // Ours are registered already: an aborted check still has its report.
    registerSignalListeners: false,
    rendererOptions: { logger, clearOutput: true },
    fallbackRendererOptions: { logger },
  }).run();
}
