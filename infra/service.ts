import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { ALL_CHANGES, deployed, EVENTS, FUNCTION_ENV, FUNCTION_INBOXES, keys } from '#drift/names.ts';
import { usedTargets, variablesOf } from '#drift/outputs.ts';
import { acknowledge } from './acknowledge.ts';
import type { BuildEnvironment } from './build-environment.ts';
import type { Bundles } from './bundle.ts';
import { grantMetrics } from './metrics-writer.ts';
import type { Results } from './results.ts';
import { grantSecrets } from './secret-reader.ts';
import { functionArn, ServiceFunction } from './service-function.ts';
import type { ServedTarget, Settings } from './settings.ts';
import { hasStatuses } from './statuses.ts';
import { hasWebhook } from './webhook.ts';

export interface ServiceProps {
  readonly settings: Settings;
  readonly bundles: Bundles;
  readonly results: Results;
  readonly environments: readonly BuildEnvironment[];
  readonly deadLetters: IQueue;
}

const MAX_NAMED_STATES = 20;
/** The statuses that end a build (https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html). */
const TERMINAL = ['SUCCEEDED', 'FAILED', 'STOPPED', 'FAULT', 'TIMED_OUT'];

/** The three functions, what each may do, and the event that tells `record` of a build's end. */
export class Service extends Construct {
  readonly dispatch: ServiceFunction;
  readonly record: ServiceFunction;
  readonly sweep: ServiceFunction;
  readonly #props: ServiceProps;

  constructor(scope: Construct, id: string, props: ServiceProps) {
    super(scope, id);
    this.#props = props;
    this.dispatch = this.#makeDispatch();
    this.record = this.#makeRecord();
    this.sweep = this.#makeSweep();
    if (props.environments.length > 0) this.#judgeEndedBuilds();
  }

  /** Starts builds and functions. Alone it can read the fingerprint secret. */
  #makeDispatch(): ServiceFunction {
    const { settings, bundles, results, environments, deadLetters } = this.#props;
    const master = new Secret(this, 'FingerprintSecret', {
      description: 'Plumbline: master of the keys of value hashes',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
    });
    acknowledge(master, {
      'AwsSolutions-SMG4': 'With another key every finding would look changed, and page again.',
    });
    const dispatch = new ServiceFunction(this, 'Dispatch', {
      name: 'dispatch',
      description: 'Plumbline: starts the check of a target',
      code: bundles.functions.dispatch,
      memoryMb: 512,
      timeout: Duration.minutes(1),
      deadLetters,
      environment: {
        [FUNCTION_ENV.bucket]: results.bucket.bucketName,
        [FUNCTION_ENV.recordFunction]: deployed.function('record'),
        [FUNCTION_ENV.fingerprintSecret]: master.secretArn,
      },
    });
    results.grantKnowAbsence(dispatch.role);
    const functions = functionsOf(settings.targets);
    const changes = hasWebhook(settings) ? [ALL_CHANGES] : [];
    results.grantRead(dispatch.role, 'queue/*', 'runs/*/run.json', ...changes, ...statesRead(settings.targets));
    // What an address is signed for, its signer must be allowed to do.
    const signed = functions.length === 0 ? [] : [FUNCTION_INBOXES];
    results.grantWrite(dispatch.role, 'queue/*', 'runs/*/run.json', 'tickets/*', ...changes, ...signed);
    allow(dispatch.role, ['secretsmanager:GetSecretValue'], [master.secretArn]);
    const tokens = settings.targets.flatMap(({ source }) => (source.token === undefined ? [] : [source.token]));
    grantSecrets(dispatch.role, tokens);
    this.#letInvoke(dispatch.role, deployed.function('record'), ...functions, ...this.#statusFunction());
    allow(dispatch.role, ['codebuild:StartBuild'], projectsOf(environments));
    return dispatch;
  }

  /** Judges runs, and tells. */
  #makeRecord(): ServiceFunction {
    const { bundles, results, deadLetters } = this.#props;
    const record = new ServiceFunction(this, 'Record', {
      name: 'record',
      description: 'Plumbline: judges a run that ended',
      code: bundles.functions.record,
      // A report may have eight megabytes.
      memoryMb: 1024,
      timeout: Duration.minutes(2),
      deadLetters,
      environment: this.#finishEnvironment(),
    });
    results.grantKnowAbsence(record.role);
    results.grantRead(record.role, 'runs/*', 'state/*', 'queue/*', 'inbox/*', keys.configChange);
    results.grantWrite(record.role, 'runs/*/report.json', 'runs/*/report.html', 'state/*', 'queue/*');
    results.grantDelete(record.role, 'tickets/*');
    this.#letInvoke(record.role, deployed.function('dispatch'), ...this.#statusFunction());
    this.#letTell(record.role);
    return record;
  }

  /** What time does. */
  #makeSweep(): ServiceFunction {
    const { bundles, results, environments, deadLetters } = this.#props;
    const sweep = new ServiceFunction(this, 'Sweep', {
      name: 'sweep',
      description: 'Plumbline: staleness, runs that never ended, what was not told yet, the heartbeat',
      code: bundles.functions.sweep,
      memoryMb: 1024,
      timeout: Duration.minutes(4),
      deadLetters,
      environment: {
        ...this.#finishEnvironment(),
        [FUNCTION_ENV.recordFunction]: deployed.function('record'),
        [FUNCTION_ENV.deadLetterQueues]: deadLetters.queueUrl,
      },
    });
    results.grantKnowAbsence(sweep.role);
    results.grantRead(sweep.role, 'state/*', 'queue/*');
    results.grantWrite(sweep.role, 'state/*');
    this.#letInvoke(sweep.role, deployed.function('dispatch'), deployed.function('record'));
    this.#letTell(sweep.role);
    allow(sweep.role, ['codebuild:BatchGetBuilds'], projectsOf(environments));
    allow(sweep.role, ['sqs:GetQueueAttributes'], [deadLetters.queueArn]);
    return sweep;
  }

  #finishEnvironment(): Readonly<Record<string, string>> {
    const { results, environments } = this.#props;
    const roles = Object.fromEntries(environments.map(({ projectName, buildRole }) => [projectName, buildRole.roleId]));
    return {
      [FUNCTION_ENV.bucket]: results.bucket.bucketName,
      [FUNCTION_ENV.dispatchFunction]: deployed.function('dispatch'),
      [FUNCTION_ENV.buildRoles]: Stack.of(this).toJsonString(roles),
    };
  }

  /** What tells git hosts of commits, where any source wants that. */
  #statusFunction(): readonly string[] {
    return hasStatuses(this.#props.settings) ? [deployed.function('commit-status')] : [];
  }

  #letInvoke(role: Role, ...names: readonly string[]): void {
    const functions = names.map((name) => functionArn(this, name));
    allow(role, ['lambda:InvokeFunction'], functions);
  }

  /** Metrics, events, and raising an alarm anew: each of our own only. */
  #letTell(role: Role): void {
    const stack = Stack.of(this);
    // A finding whose name has a space cannot be acknowledged; to IAM a question mark is any character.
    const names = deployed.driftAlarm('*').replaceAll(' ', '?');
    const alarms = stack.formatArn({ service: 'cloudwatch', resource: `alarm:${names}` });
    const bus = stack.formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' });
    grantMetrics(role);
    const statements = [
      new PolicyStatement({ actions: ['cloudwatch:SetAlarmState'], resources: [alarms] }),
      new PolicyStatement({
        actions: ['events:PutEvents'],
        resources: [bus],
        // One call holds several events, each with a source.
        conditions: {
          'ForAllValues:StringEquals': { 'events:source': EVENTS.source },
          Null: { 'events:source': 'false' },
        },
      }),
    ];
    for (const statement of statements) role.addToPolicy(statement);
    acknowledge(role, {
      [`AwsSolutions-IAM5[Resource::${alarms}]`]: 'One alarm per target; targets come and go.',
    });
  }

  #judgeEndedBuilds(): void {
    const layers = [...new Set(this.#props.environments.map(({ layer }) => layer))];
    new Rule(this, 'BuildEnded', {
      description: 'Plumbline: a build that checks a target has ended',
      eventPattern: {
        source: ['aws.codebuild'],
        detailType: ['CodeBuild Build State Change'],
        detail: {
          'build-status': TERMINAL,
          // Not one by one: a pattern may have 2,048 characters.
          'project-name': Match.anyOf(...layers.map((layer) => Match.prefix(deployed.project(layer, '')))),
        },
      },
      targets: [
        new LambdaFunction(this.record.function, {
          deadLetterQueue: this.#props.deadLetters,
          retryAttempts: 4,
          maxEventAge: Duration.hours(1),
        }),
      ],
    });
  }
}

/** Nothing when there is nothing to allow it on. */
function allow(role: Role, actions: string[], resources: string[]): void {
  if (resources.length === 0) return;
  role.addToPolicy(new PolicyStatement({ actions, resources }));
}

const projectsOf = (environments: readonly BuildEnvironment[]): string[] =>
  environments.map(({ project }) => project.projectArn);

/** The functions that compare, one per environment that has a cluster. */
function functionsOf(targets: readonly ServedTarget[]): readonly string[] {
  const compared = targets.filter(({ layer }) => layer === 'kubernetes');
  return [...new Set(compared.map(({ layer, environment }) => deployed.project(layer, environment.name)))].sort();
}

/**
 * The states that hold outputs which other targets use, and those of nodes and objects, which tell the commit that was
 * in sync last. A policy has no room for very many names.
 */
function statesRead(targets: readonly ServedTarget[]): readonly string[] {
  const used = new Set(targets.flatMap(statesOf));
  return used.size > MAX_NAMED_STATES ? ['state/*.json'] : [...used].sort().map(keys.state);
}

function statesOf(target: ServedTarget): readonly string[] {
  const used = usedTargets(variablesOf(target));
  return target.layer === 'terraform' ? [...used] : [target.name, ...used];
}
