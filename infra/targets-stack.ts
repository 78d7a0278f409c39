import { NestedStack } from 'aws-cdk-lib';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Severity } from '#drift/target.ts';
import type { AlarmText } from './alarm-text.ts';
import { type Clock, scheduleTarget } from './schedules.ts';
import { NotDeployable, type ServedTarget } from './settings.ts';
import { SHARDS } from './shards.ts';
import { alarmTarget } from './target-alarms.ts';

export interface TargetsStackProps {
  readonly targets: readonly ServedTarget[];
  readonly clock: Clock;
  readonly topics: Readonly<Record<Severity, ITopic>>;
  readonly text: AlarmText;
}

/** A schedule and two alarms. */
const RESOURCES_PER_TARGET = 3;
/** CloudFormation takes 500 in a stack; some are left for what a nested stack brings itself. */
const MAX_RESOURCES = 490;

/**
 * One part of the targets. Nested, so that a part that loses its last target is deleted with its schedules and alarms,
 * and nothing has to be exported that could then not be taken back.
 */
export class TargetsStack extends NestedStack {
  constructor(scope: Construct, id: string, { targets, clock, topics, text }: TargetsStackProps) {
    super(scope, id, { description: `Plumbline: schedules and alarms of ${targets.length} targets` });
    if (targets.length * RESOURCES_PER_TARGET > MAX_RESOURCES) {
      const most = Math.floor((MAX_RESOURCES / RESOURCES_PER_TARGET) * SHARDS * 0.8);
      throw new NotDeployable(`too many targets for one deployment (about ${most}): split the config`);
    }
    for (const target of targets) {
      const part = new Construct(this, target.name.replace('/', '.'));
      scheduleTarget(part, target, clock);
      alarmTarget(part, { target, topic: topics[target.severity], text });
    }
  }
}
