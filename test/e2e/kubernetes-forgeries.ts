import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { expect } from 'vitest';
import { until } from '#sandbox/outside.ts';
import { NEW_OBJECT } from './kubernetes-manifests.ts';
import type { KubernetesWorld } from './kubernetes-world.ts';

/** A run is joined by the same commit, waited for by a newer one, and ended by nobody who does not know its ticket. */
export async function runsHoldFast(world: KubernetesWorld): Promise<void> {
  // Until then nothing else is asked of the cluster.
  world.sandbox.clusters.prod.fail({ match: /\/version/, delay: 15_000 });
  const answers = await Promise.all([world.dispatch('prod/apart'), world.dispatch('prod/apart')]);
  const runId = /started run (\S+) at/.exec(answers.join())?.[1] ?? '';
  expect(answers.toSorted()).toEqual([
    `joined run ${runId}, which looks at the same commit`,
    expect.stringMatching(/^started run/),
  ]);
  const ticket = await world.ticket('prod/apart');
  const { upload, run } = (await world.json(`tickets/${ticket}.json`)) as { upload: string; run: { commit: string } };
  const newer = await world.push({ 'apart/new.yaml': NEW_OBJECT });
  expect(await world.dispatch('prod/apart')).toBe(`waits for run ${runId} to end`);

  const guess = 'a'.repeat(48);
  const other = (await world.service.verdict('prod/custom'))?.runId ?? '';
  const asked = { target: 'prod/apart', runId, ticket: guess };
  const told = { requestContext: { condition: 'RetriesExhausted' }, requestPayload: asked };
  const ended = { ...asked, build: null, function: { problem: null }, failure: null };
  const record = (event: object) => world.service.invoke(world.names.record, event);
  const lies = [{ ended }, { ended: { ...ended, ticket: null } }].map((lie) => ({ source: 'plumbline', ...lie }));
  for (const event of [told, ...lies])
    expect(await record(event)).toMatch(/^who says that it ended is not the one of run \S+: not judged$/);
  const invoke = (payload: object) =>
    world.service.lambda.send(
      new InvokeCommand({
        FunctionName: 'plumbline-kubernetes-prod',
        InvocationType: 'Event',
        Payload: JSON.stringify(payload),
      }),
    );
  // The first one tells record of a ticket that is gone, of the others Lambda does: of this run with another's ticket.
  await invoke(asked);
  await invoke({ target: 'prod/custom', runId: other, ticket });
  await until('record was told of the forgeries', 14, async () => {
    const said = await world.log('/plumbline/record');
    const refused = said.split(`is not the one of run ${runId}: not judged`).length - 1;
    return refused >= 4 && said.includes(`run ${other} of prod/custom`) ? true : null;
  });
  const put = (headers: Record<string, string>) => putAsAnybody(upload, headers, world.sandbox.caBundle);
  expect(await put({})).toBe(403);
  expect((await world.queue('prod/apart'))?.running?.runId).toBe(runId);

  const report = await world.judged('prod/apart', runId);
  expect(report.verdict).toBe('in-sync');
  expect(report.commit.checked).toBe(run.commit);
  expect(await put({ 'if-none-match': '*' })).toBe(412);

  const next = await until('the newer commit is looked at', 30, async () => {
    const found = await world.service.verdict('prod/apart');
    return found !== null && found.runId > runId ? found : null;
  });
  const second = await world.judged('prod/apart', next.runId);
  expect(second.commit.checked).toBe(newer);
  expect(second.findings).toMatchObject([{ subject: 'ConfigMap/apart/pushed', change: 'removed', cause: 'pending' }]);

  // Told again, and asked again, when all is over.
  const before = await world.service.text('state/prod/apart.json');
  expect(await world.service.invoke('plumbline-kubernetes-prod', { target: 'prod/apart', runId, ticket })).toBe(
    'the ticket is gone: the run is over, or was judged already',
  );
  expect(await record({ source: 'plumbline', ended: { ...ended, ticket } })).toMatch(/is in-sync/);
  expect(await world.service.text('state/prod/apart.json')).toBe(before);
  expect(await world.judged('prod/apart', runId)).toEqual(report);
}

/** A PUT as anybody can make it who has the address. @returns the status */
function putAsAnybody(url: string, headers: Record<string, string>, caBundle: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const put = request(url, { method: 'PUT', headers, ca: readFileSync(caBundle) }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    put.once('error', reject);
    put.end('{}');
  });
}
