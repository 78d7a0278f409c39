import { Listr, ListrLogger, ProcessOutput } from 'listr2';
import type { Target } from '#drift/target.ts';
import type { Terminal } from '../terminal.ts';

/**
 * Does `act` for one target after the other; on a terminal the steps are drawn on stderr while it works, and are gone
 * when it is done: the result speaks for itself.
 */
export async function withProgress(
  targets: readonly Target[],
  terminal: Terminal,
  act: (target: Target, progress: (step: string) => void) => Promise<void>,
): Promise<void> {
  if (!terminal.interactive) {
    for (const target of targets) await act(target, () => undefined);
    return;
  }
  const tasks = targets.map((target) => ({
    title: target.name,
    task: (_context: unknown, task: { output: string }): Promise<void> =>
      act(target, (step) => {
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
