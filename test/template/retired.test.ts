import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { deployed } from '#drift/names.ts';
import { deployment, resourcesOf, SERVICE_CONFIG, settingsFrom } from './synth.ts';

const text = readFileSync(SERVICE_CONFIG, 'utf8');

test('a retired target has no schedule, and alarms that can still tell that all is closed', () => {
  const retired = text.replace('enabled: false', 'enabled: false\n    retired: true');
  expect(retired).not.toBe(text);
  const resources = resourcesOf(deployment(settingsFrom(retired)));
  const names = (type: string, name: string): unknown[] =>
    resources.filter((resource) => resource.type === type).map(({ properties }) => properties[name]);
  const schedules = names('AWS::Scheduler::Schedule', 'Name');
  expect(schedules).toContain(deployed.schedule('prod/network'));
  expect(schedules).not.toContain(deployed.schedule('prod/cluster'));
  const alarms = resources.filter(({ properties }) =>
    [deployed.driftAlarm('prod/cluster'), deployed.unknownAlarm('prod/cluster')].includes(properties.AlarmName),
  );
  expect(alarms.map(({ properties }) => [properties.ActionsEnabled, properties.OKActions.length])).toEqual([
    [true, 1],
    [true, 1],
  ]);
});
