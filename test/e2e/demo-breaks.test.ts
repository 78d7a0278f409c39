import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Acme } from '#sandbox/acme.ts';
import { BREAKS, type Break } from '#sandbox/breaks.ts';
import { expectationOf } from '#sandbox/expected.ts';
import { Outside, outputOf, until } from '#sandbox/outside.ts';
import { type Sandbox, startSandbox } from '#sandbox/start.ts';
import { seesRightly } from '#sandbox/watch.ts';
import { demo } from './demo.ts';

const mute = (): void => undefined;

let sandbox: Sandbox;
let service: Outside;
let dispatch: string;
const menders = new Map<Break, () => Promise<void>>();

/** What the demo says of a target, with its own words and its own patience. */
const watched = (target: string): Promise<void> => seesRightly(service, expectationOf(target), mute);

/** Has a target checked anew, to its verdict. */
async function check(target: string): Promise<void> {
  const { runId, sentence } = await service.start(dispatch, target);
  await until(`the verdict on what was answered: ${sentence}`, 150, async () =>
    runId !== null && ((await service.verdict(target))?.runId ?? '') >= runId ? true : null,
  );
}

async function breakNow(part: Break): Promise<void> {
  menders.set(part, await BREAKS[part].act(sandbox));
}

async function mend(...parts: readonly Break[]): Promise<void> {
  for (const part of parts) await menders.get(part)?.();
}

// Whatever the schedules start first finds these parts broken, as in the demo; each is of another layer.
beforeAll(async () => {
  sandbox = await startSandbox();
  const acme = await Acme.settle(sandbox, { say: mute, schedule: 'rate(1 hour)', environments: ['staging'] });
  for (const part of ['terraform', 'cluster', 'nodes'] as const) await breakNow(part);
  const outputs = await sandbox.deploy({ config: acme.config });
  service = new Outside(sandbox, outputOf(outputs, 'ResultsBucket'));
  dispatch = outputOf(outputs, 'DispatchFunction');
}, 180_000);

afterAll(() => sandbox?.stop());

/** That it does not fail otherwise, on the same targets: `demo.test.ts`. */
describe('the demo, broken on purpose', () => {
  it('fails when terraform does nothing and says that all is well', async () => {
    await expect(watched('staging/network')).rejects.toThrow(/^staging\/network had to be in-sync .*, not unknown/);
  });

  it('fails when every list of a cluster is empty and says that all went well', async () => {
    await expect(watched('staging/shop')).rejects.toThrow(
      /^staging\/shop had to be in-sync \(no findings\), not drifted: \d+ findings/,
    );
  });

  it('fails when Ansible does nothing on the nodes and says that all is well', async () => {
    // What the playbook uses is an output of it.
    await mend('terraform', 'cluster');
    await check('staging/network');
    await check('staging/nodes');
    await expect(watched('staging/nodes')).rejects.toThrow(/^staging\/nodes had to be in-sync .*, not unknown: .+/);
  });

  it('fails when no report can be uploaded', async () => {
    await breakNow('upload');
    await check('staging/network');
    await expect(watched('staging/network')).rejects.toThrow(/had to be .*, not unknown: the build ended FAILED/);
  });

  it('says what did not happen, and ends with 1', async () => {
    const { all, exitCode } = await demo({ PATH: '/nowhere' });
    expect(all).toMatch(/It did not happen: .+ is not on th/);
    expect(exitCode).toBe(1);
  });
});
