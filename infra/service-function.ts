import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { deployed } from '#drift/names.ts';

export interface ServiceFunctionProps {
  readonly name: string;
  readonly description: string;
  /** Folder that holds `index.js`. */
  readonly code: string;
  readonly memoryMb: number;
  readonly timeout: Duration;
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Where an event lies that failed for good.
   * @default none, and no second try: whoever calls it waits for its answer
   */
  readonly deadLetters?: IQueue;
  /**
   * Runs at once that are kept for it, and no more.
   * @default none: all writes are conditional, and a young account has none to give
   */
  readonly reservedConcurrency?: number;
}

/**
 * One function with a role and log of its own. An event that fails is tried twice more, then lies in the dead-letter
 * queue.
 */
export class ServiceFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: ServiceFunctionProps) {
    super(scope, id);
    const functionName = deployed.function(props.name);
    const logGroup = new LogGroup(this, 'Log', {
      logGroupName: `/plumbline/${props.name}`,
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    this.role = role;
    this.function = new LambdaFunction(this, 'Function', {
      functionName,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(props.code),
      role,
      memorySize: props.memoryMb,
      timeout: props.timeout,
      environment: { ...props.environment },
      logGroup,
      ...(props.reservedConcurrency === undefined ? {} : { reservedConcurrentExecutions: props.reservedConcurrency }),
      maxEventAge: Duration.hours(1),
      ...(props.deadLetters === undefined
        ? { retryAttempts: 0 }
        : { retryAttempts: 2, onFailure: new SqsDestination(props.deadLetters) }),
    });
  }
}

/** The ARN of a function, by its name, so that two can know each other. */
export function functionArn(scope: Construct, name: string): string {
  return Stack.of(scope).formatArn({ service: 'lambda', resource: `function:${name}` });
}
