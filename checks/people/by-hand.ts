import { BUILD_ENV, BUILD_INITIATOR, deployed } from '#drift/names.ts';
import { type RerunRequest, rerunAnswerSchema } from '#drift/rerun.ts';
import { FunctionError, type Functions } from '#services/ports.ts';

export interface ByHandWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly functions: Pick<Functions, 'ask'>;
  /** A line of the build's log. */
  readonly say: (line: string) => void;
}

/**
 * Whether the service itself started this build. One that waited so long that its run is over must not ask for another
 * run, which would wait as long.
 */
export function isOurs(env: ByHandWorld['env']): boolean {
  return (env[BUILD_INITIATOR] ?? '').endsWith(`/${deployed.function('dispatch')}`);
}

/**
 * What a build does that a person started or retried: asks for a new run of its `TARGET`, and says what became of it.
 * It checks nothing itself: no run is its own.
 * @returns whether a run looks at the target now
 */
export async function askAgain(target: string, { env, functions, say }: ByHandWorld): Promise<boolean> {
  const actor = env[BUILD_INITIATOR];
  const request: RerunRequest = {
    ...{ action: 'rerun', target, via: 'build' },
    ...(actor === undefined || actor === '' ? {} : { actor: actor.slice(0, 2048) }),
  };
  say(`${BUILD_ENV.target} is ${target}, and no run is this build's own: asking for a new one`);
  try {
    const { runs } = rerunAnswerSchema.parse(await functions.ask(deployed.function('rerun'), request));
    for (const { sentence, link } of runs) say(link === null ? sentence : `${sentence}\n${link}`);
    return runs.some(({ runId }) => runId !== null);
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
    say(error.message);
    return false;
  }
}
