import { Duration, Stack } from 'aws-cdk-lib';
import { type IRole, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { ContextAttribute, Schedule, ScheduleExpression, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { deployed, SWEEP_SECONDS } from '#drift/names.ts';
import type { ServedTarget } from './settings.ts';

/** What EventBridge Scheduler acts as and with. */
export interface Clock {
  readonly role: IRole;
  readonly dispatch: IFunction;
  readonly deadLetters: IQueue;
}

/** AWS would try 185 times in a day; a check that is an hour late is the next one's business. */
const DELIVERY = { retryAttempts: 2, maxEventAge: Duration.hours(1) } as const;

/** The role that every schedule of the service acts as: it invokes these functions. */
export function clockRole(scope: Construct, functions: readonly IFunction[], deadLetters: IQueue): Role {
  const role = new Role(scope, 'ClockRole', {
    description: 'Plumbline: its schedules',
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
    }),
  });
  const arns = functions.map(({ functionArn }) => functionArn);
  role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: arns }));
  role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetters.queueArn] }));
  return role;
}

/** Asks for a check of the target whenever its schedule says so; off while it is paused, gone once it is retired. */
export function scheduleTarget(scope: Construct, target: ServedTarget, clock: Clock): void {
  if (target.schedule === undefined || target.retired) return;
  new Schedule(scope, 'Schedule', {
    scheduleName: deployed.schedule(target.name),
    description: `Plumbline: checks ${target.name}`,
    schedule: ScheduleExpression.expression(target.schedule),
    enabled: target.enabled,
    target: new LambdaInvoke(clock.dispatch, {
      ...DELIVERY,
      role: clock.role,
      deadLetterQueue: clock.deadLetters,
      // The scheduled time makes two deliveries the same run.
      input: ScheduleTargetInput.fromObject({
        target: target.name,
        trigger: 'schedule',
        at: ContextAttribute.scheduledTime,
      }),
    }),
  });
}

/** Lets `sweep` beat. */
export function scheduleSweep(
  scope: Construct,
  sweep: IFunction,
  { role, deadLetters }: Omit<Clock, 'dispatch'>,
): void {
  new Schedule(scope, 'SweepSchedule', {
    scheduleName: deployed.sweepSchedule,
    description: 'Plumbline: sweep',
    schedule: ScheduleExpression.rate(Duration.seconds(SWEEP_SECONDS)),
    target: new LambdaInvoke(sweep, { ...DELIVERY, role, deadLetterQueue: deadLetters }),
  });
}
