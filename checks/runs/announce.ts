import { deployed, keys, METRICS } from '#drift/names.ts';
import { announced } from '#drift/state/advance.ts';
import { pagingFindings } from '#drift/state/paging.ts';
import {
  MAX_STATE_BYTES,
  newState,
  stateSchema,
  type TargetState,
  type Transition,
  unknownLevel,
} from '#drift/state/state.ts';
import type { Target } from '#drift/target.ts';
import { canBeSent } from '#drift/webhook/changes.ts';
import type { Alarms, EventBus, Functions, MetricDatum, Metrics, ObjectStore } from '#services/ports.ts';
import { updateRecord } from '#services/records.ts';
import type { StartRequest } from './start.ts';

export interface AnnounceWorld {
  readonly store: ObjectStore;
  readonly metrics: Metrics;
  readonly events: EventBus;
  readonly alarms: Alarms;
  readonly functions: Pick<Functions, 'send'>;
  readonly dispatchFunction: string;
  readonly now: () => Date;
}

/** The two metrics of a target. */
export function targetMetrics(state: TargetState, target: Target, now: Date): readonly MetricDatum[] {
  return [
    { name: METRICS.drift, target: target.name, value: pagingFindings(state, target, now).length },
    { name: METRICS.unknown, target: target.name, value: unknownLevel(state, target, now) },
  ];
}

/**
 * Empties the outbox: tells what the state says and is not told yet, then clears it. A crash in between tells it
 * again, with the same ids.
 */
export async function announce(state: TargetState, target: Target, world: AnnounceWorld): Promise<void> {
  const now = world.now();
  for (const transition of state.outbox) {
    if (transition.kind === 're-page') await world.alarms.reset(deployed.driftAlarm(target.name), transition.reason);
  }
  await world.metrics.publish(targetMetrics(state, target, now), now);
  if (state.outbox.length === 0) return;
  const events = state.outbox.flatMap((transition) => (transition.kind === 'event' ? [transition] : []));
  await world.events.announce(events, now);
  for (const transition of state.outbox) {
    if (transition.kind === 'look') await world.functions.send(world.dispatchFunction, lookRequest(target, transition));
  }
  const ids = new Set(state.outbox.map((transition) => transition.id));
  await updateRecord(world.store, keys.state(target.name), stateSchema, MAX_STATE_BYTES, (current) =>
    announced(current ?? newState(target.name, now), ids, now),
  );
}

/** The same request, however often it is told. */
function lookRequest({ name }: Target, look: Extract<Transition, { readonly kind: 'look' }>): StartRequest {
  const { at, runId: seed, host, since: commit, paths } = look;
  const since = { commit, paths: canBeSent(paths) ? paths : ['.'] };
  return { target: name, trigger: 'push', at, seed, ...(host === null ? {} : { by: { host } }), since };
}
