import { keys } from '#drift/names.ts';
import { overviewRow, type Row, type Status } from '#drift/overview.ts';
import { EMPTY_QUEUE, type Queue } from '#drift/state/queue.ts';
import { newState, type OpenFinding, type TargetState } from '#drift/state/state.ts';
import type { Target } from '#drift/target.ts';
import { COMMIT, TARGET } from '../runs/world.ts';

export const NOW = new Date('2026-11-24T12:00:00.000Z');
export const RUN_ID = '20261124T113000000Z-0123456789abcdef';
export const linkTo = (target: string): string => `https://console.example/${keys.statePage(target)}`;

/** An open finding, seen by the newest run. */
export function open(subject: string, over: Partial<OpenFinding> = {}): OpenFinding {
  return {
    ...{ subject, path: 'ingress', change: 'changed', cause: 'out-of-band', severity: 'critical' },
    ...{ fingerprint: `id-of-${subject}`, valueHash: 'v1', firstSeen: '2026-11-24T10:00:00.000Z' },
    ...{ acknowledged: false, acknowledgedUntil: null, confirmed: true, flips: 0, declaredHash: null },
    ...over,
  };
}

/** A state whose newest run was half an hour ago. */
export function state(
  last: Partial<NonNullable<TargetState['last']>> = {},
  over: Partial<TargetState> = {},
): TargetState {
  return {
    ...newState(TARGET.name, new Date('2026-11-20T00:00:00.000Z')),
    schedule: TARGET.schedule ?? null,
    last: {
      ...{ runId: RUN_ID, trigger: 'schedule', commit: COMMIT, log: null, incomplete: false },
      ...{ startedAt: '2026-11-24T11:30:00.000Z', endedAt: '2026-11-24T11:31:00.000Z' },
      ...{ verdict: 'in-sync', reason: '3 of 3 compared, nothing differs', compared: 3, total: 3 },
      since: '2026-11-22T11:31:00.000Z',
      ...last,
    },
    ...over,
  };
}

export const running: Queue = {
  ...EMPTY_QUEUE,
  running: {
    ...{ runId: '20261124T115900000Z-fedcba9876543210', commit: COMMIT, trigger: 'manual', seed: 's', build: null },
    ...{ at: '2026-11-24T11:59:00.000Z', deadline: '2026-11-24T13:00:00.000Z', ticket: 't' },
    claimedAt: '2026-11-24T11:59:00.000Z',
  },
};

export function row(of: TargetState | null = state(), target: Target = TARGET, queue: Queue | null = null): Row {
  return overviewRow(target, { state: of, queue }, NOW, linkTo(target.name));
}

export function status(targets: readonly Row[]): Status {
  const config = { hash: 'c'.repeat(64), commit: COMMIT };
  return { schema: 'plumbline.status/1', at: NOW.toISOString(), config, targets, missing: [] };
}
