import * as z from 'zod';

/** Something worth saying that is not a finding: `outputs`, `absorbed`, `moved`, `import`, `forget`, `read`, `check`, … */
export const noteSchema = z
  .object({ kind: z.string(), subject: z.string().optional(), path: z.string().optional(), text: z.string() })
  .readonly();
export type Note = z.infer<typeof noteSchema>;
