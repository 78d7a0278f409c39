import { type ProcessResult, type ProcessUser, runProcess } from '#services/process.ts';
import { stopped, timedOut } from '../ended.ts';
import { StepFailure } from './failure.ts';
import { failureSentence, type Places } from './sentences.ts';

const MAX_EVENT_LINES = 2_000;
const MAX_EVENT_BYTES = 1024 * 1024;
const PROGRESS_MS = 500;
/** A stopped build has some seconds for its report; a plan has nothing to put in order. */
const GRACE_MS = 5_000;

/** One check's tool: where and as whom it runs, and how long it still may. */
export interface RunnerOptions {
  readonly tool: string;
  readonly name: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user?: ProcessUser;
  readonly signal: AbortSignal;
  /** Milliseconds that are left. */
  readonly left: () => number;
  readonly timeoutSeconds: number;
  readonly places: Places;
  readonly progress: (step: string) => void;
}

export interface StepResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
  /** What is kept of a `-json` stream: diagnostics, the first question for what runs, the summary. */
  readonly events: string;
}

/** Runs the tool's commands one after the other; what did not come to an exit code by itself is a StepFailure. */
export class Runner {
  readonly #options: RunnerOptions;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** @throws StepFailure unless the tool ended by itself */
  async run(
    step: string,
    args: readonly string[],
    extra: { readonly env?: Readonly<Record<string, string>>; readonly maxStdout?: number } = {},
  ): Promise<StepResult> {
    const { tool, cwd, env, user, signal, left } = this.#options;
    const events = eventReader((text) => this.#options.progress(`${step}: ${text}`));
    this.#options.progress(step);
    const result = await runProcess({
      file: tool,
      args,
      cwd,
      env: { ...env, ...extra.env },
      timeoutMs: left(),
      graceMs: GRACE_MS,
      signal,
      ...(user === undefined ? {} : { user }),
      ...(extra.maxStdout === undefined
        ? { onLine: events.read }
        : { stdout: { keep: 'all', maxBytes: extra.maxStdout } as const }),
    });
    const exitCode = this.#exitCodeOf(step, result);
    return { exitCode, stdout: result.stdout, stderr: result.stderr, events: events.diagnostics() };
  }

  /** The sentence for a step that ended with an exit code it should not have. */
  sentence(step: string, { exitCode, events, stdout, stderr }: StepResult): string {
    const text = `${stdout.toString('utf8')}\n${stderr}`;
    return failureSentence(step, exitCode, events, text, this.#options.places);
  }

  #exitCodeOf(step: string, { end }: ProcessResult): number {
    const { name, timeoutSeconds } = this.#options;
    switch (end.kind) {
      case 'exited':
        return end.exitCode;
      case 'timed out':
        throw new StepFailure(step, timedOut(timeoutSeconds, step));
      case 'aborted':
        throw new StepFailure(step, stopped(step));
      case 'killed':
        throw new StepFailure(step, `${name} was ended by ${end.signal} in ${step}: was there too little memory?`);
      case 'too much output':
        throw new StepFailure(step, `${name} wrote more than ${end.maxBytes} bytes in ${step}: split the root module`);
      case 'not started':
        throw new StepFailure(step, `${name} could not be started: ${end.reason}`);
    }
  }
}

/** Keeps the diagnostics of an event stream and whether the tool asked what runs, and says how far it is. */
function eventReader(say: (text: string) => void): { read(line: string): void; diagnostics(): string } {
  const kept: string[] = [];
  let bytes = 0;
  let refreshed = 0;
  let asked = false;
  let saidAt = 0;
  return {
    read(line) {
      if (line.includes('"type":"refresh_complete"')) {
        refreshed += 1;
        if (Date.now() - saidAt < PROGRESS_MS) return;
        saidAt = Date.now();
        say(`${refreshed} read`);
      }
      if (line.includes('"type":"change_summary"')) kept.push(line);
      if (line.includes('"type":"refresh_start"') && !asked) {
        asked = true;
        kept.push(line);
      }
      if (!line.includes('"type":"diagnostic"') || kept.length >= MAX_EVENT_LINES) return;
      bytes += line.length;
      if (bytes <= MAX_EVENT_BYTES) kept.push(line);
    },
    diagnostics: () => kept.join('\n'),
  };
}
