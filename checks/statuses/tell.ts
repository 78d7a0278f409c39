import * as z from 'zod';
import { objectLink } from '#drift/console.ts';
import { NoRepositoryAddress } from '#drift/git-host/api.ts';
import { keys, METRICS } from '#drift/names.ts';
import { MAX_REPORT_BYTES, type Report, reportSchema } from '#drift/report.ts';
import { isRunId } from '#drift/run.ts';
import { statusRequest } from '#drift/statuses/request.ts';
import { statusOf } from '#drift/statuses/status.ts';
import type { DeployedConfig } from '#drift/target.ts';
import { HOSTS } from '#drift/webhook/delivery.ts';
import {
  type CommitStatuses,
  type Log,
  type Metrics,
  type ObjectStore,
  SecretError,
  type Secrets,
  StatusRefused,
} from '#services/ports.ts';
import { readRecord } from '#services/records.ts';
import { readRun } from '../runs/run-record.ts';

/** A run whose commit's status is to be what it now is. */
export const pushedRunSchema = z.object({
  target: z.string().max(200),
  runId: z.string().refine(isRunId, 'is no run id'),
  /** Of a push that joined it; else the run's record tells. */
  host: z.enum(HOSTS).exactOptional(),
});
export type PushedRun = z.infer<typeof pushedRunSchema>;

export interface TellWorld {
  readonly config: Pick<DeployedConfig, 'targets'>;
  readonly store: Pick<ObjectStore, 'read'>;
  readonly secrets: Secrets;
  readonly statuses: CommitStatuses;
  readonly metrics: Metrics;
  readonly bucket: string;
  readonly region: string;
  readonly now: () => Date;
  readonly log: Log;
}

/**
 * Tells the git host how far a pushed commit's check is: what is said is looked up, not what the caller knew, so that an
 * attempt that comes late says nothing old. A host that refuses is counted; nothing of a verdict depends on it.
 * @returns one sentence that says what happened
 * @throws what may pass by itself, so that it is tried again
 */
export async function tellStatus(
  { target: name, runId, host: joinedFrom }: PushedRun,
  world: TellWorld,
): Promise<string> {
  const target = world.config.targets.find((candidate) => candidate.name === name);
  const { url, statuses } = target?.source ?? {};
  if (url === undefined || statuses === undefined) return `${name} has no source whose commits are given statuses`;
  const run = await readRun(name, runId, world.store);
  const readReport = async (): Promise<Report | null> =>
    (await readRecord(world.store, keys.report(name, runId), reportSchema, MAX_REPORT_BYTES))?.value ?? null;
  const first = await readReport();
  // One that was lost before it was written down has a verdict all the same.
  const commit = run?.commit ?? first?.commit.checked;
  const host = run?.by?.host ?? joinedFrom;
  if (commit == null || host === undefined) return `run ${runId} of ${name} is of no pushed commit`;
  const link = objectLink(world, keys.statePage(name));
  try {
    const token = (await world.secrets.read(statuses)).trim();
    const send = async (report: Report | null): Promise<string> => {
      const status = statusOf(name, report, link);
      await world.statuses.send(statusRequest(host, url, commit, status, token));
      world.log.info('commit status told', { target: name, runId, commit, host, state: status.state });
      return `${host} was told that ${commit} is ${status.state} for ${name}`;
    };
    const said = await send(first);
    // It may have been judged, and that told, while this said that it was not.
    const judged = first === null ? await readReport() : null;
    return judged === null ? said : await send(judged);
  } catch (error) {
    const isRefusal =
      error instanceof StatusRefused || error instanceof SecretError || error instanceof NoRepositoryAddress;
    if (!isRefusal) throw error;
    world.log.error('commit status refused', { target: name, runId, commit, host, reason: error.message });
    await world.metrics.publish([{ name: METRICS.statusRefused, value: 1 }], world.now());
    return `${commit} of ${name} got no status: ${error.message}`;
  }
}
