import * as z from 'zod';
import type { Note } from '../note.ts';
import type { DeployedConfig, Source } from '../target.ts';
import { addressOf, isRef } from './decide.ts';
import type { Push } from './push.ts';

type Deployed = Pick<DeployedConfig, 'hash' | 'commit' | 'file'>;

/** That the config's file was changed in git, and which config was deployed then. */
export const configChangeSchema = z
  .object({
    /** The commit that was pushed. */
    commit: z.string(),
    path: z.string(),
    deployed: z.object({ hash: z.string(), commit: z.string().nullable() }).readonly(),
  })
  .readonly();
export type ConfigChange = z.infer<typeof configChangeSchema>;

/** What a proven push changes of the file that the deployed config was read from; null: nothing, as far as is known. */
export function configChange(push: Push, proven: readonly Source[], deployed: Deployed): ConfigChange | null {
  const { file, hash, commit } = deployed;
  if (file === undefined || push.after === null || push.after === commit) return null;
  const isOurs = proven.some(
    ({ url, ref }) =>
      addressOf(url) === file.repository &&
      push.urls.some((one) => addressOf(one) === file.repository) &&
      isRef(push.ref, ref),
  );
  return isOurs && push.files?.includes(file.path) === true
    ? { commit: push.after, path: file.path, deployed: { hash, commit } }
    : null;
}

/** What a report says as long as nothing was deployed since; null: something was. */
export function configNote(change: ConfigChange, { hash, commit }: Deployed): Note | null {
  const { deployed, path } = change;
  if (deployed.hash !== hash || deployed.commit !== commit || change.commit === commit) return null;
  const text = `${path} was changed in ${change.commit}: a deployment is due, and until then the config from before counts`;
  return { kind: 'config', subject: path, text };
}
