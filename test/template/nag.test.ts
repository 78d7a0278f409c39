import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, test, vi } from 'vitest';
import { deployment } from './synth.ts';

/** Rule ids that cdk-nag reports on the service, as it is or with every acknowledgement taken away. */
function findings(): { readonly found: readonly string[]; readonly acknowledged: ReadonlyMap<string, string> } {
  const { app } = deployment();
  const { violations } = new AwsSolutionsChecks(app).validateScope(app);
  const acknowledged = new Map<string, string>();
  for (const { metadata } of app.node.findAll().map((construct) => construct.node)) {
    for (const entry of metadata) {
      if (entry.type !== Validations.ACKNOWLEDGED_RULES_METADATA_KEY) continue;
      for (const [id, reason] of Object.entries<string>(entry.data)) {
        acknowledged.set(id.replace(/^annotation::/i, ''), reason);
      }
    }
  }
  return { found: violations.map(({ ruleName }) => ruleName).sort(), acknowledged };
}

test('cdk-nag finds nothing that is not acknowledged', () => {
  expect(findings().found).toEqual([]);
});

test('every acknowledgement has a reason and is still needed', () => {
  const { acknowledged } = findings();
  const spy = vi.spyOn(Validations.prototype, 'acknowledge').mockReturnValue();
  const { found } = findings();
  spy.mockRestore();
  expect(found.length).toBeGreaterThan(10);
  expect([...acknowledged.keys()].sort()).toEqual(found);
  for (const [id, reason] of acknowledged) expect(reason.length, id).toBeGreaterThan(20);
});
