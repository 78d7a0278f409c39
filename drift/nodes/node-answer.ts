import * as z from 'zod';

/** What the last line of our document begins with (drift/nodes/document.ts). */
const MARK = 'plumbline-node/1 ';
/** The document's own bound; SSM shows the first 2,500 characters of an output. */
const MAX_ANSWER_LENGTH = 2_000;
/** Where SSM puts what came on stderr below what came on stdout. */
const ERRORS = /\r?\n?-{6,}ERROR-{6,}\r?\n/;

/** One line, of which nothing is hidden. */
const said = z
  .string()
  .min(1)
  .max(1_000)
  .regex(/^[^\p{C}\p{Zl}\p{Zp}]*$/u)
  .nullable();
const version = z
  .string()
  .regex(/^\d[\w.+-]{0,39}$/)
  .nullable();

const answerSchema = z
  .strictObject({
    /** Of the stream, in hex digits. */
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable(),
    size: z.number().int().nonnegative().nullable(),
    /** Of ansible-playbook; negative: the signal that ended it. */
    exit: z.number().int().min(-64).max(255).nullable(),
    /** Why ansible-playbook failed. */
    hint: said,
    /** Why there is no stream. */
    problem: said,
    ansible: version,
    python: version,
    /** A folder of the run that could not be removed. Nodes whose document is older do not tell. */
    left: said.default(null),
  })
  .readonly();
export type NodeAnswer = z.infer<typeof answerSchema>;

/** The last line that our document printed on a node, as SSM reports it; null: there is none that could be ours. */
export function readNodeAnswer(output: string): NodeAnswer | null {
  const [printed = ''] = output.split(ERRORS, 1);
  const last = printed.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith(MARK) || last.length > MAX_ANSWER_LENGTH) return null;
  try {
    return answerSchema.safeParse(JSON.parse(last.slice(MARK.length))).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
