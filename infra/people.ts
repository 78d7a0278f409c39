import { CfnOutput, Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnDocument } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { deployed, FUNCTION_ENV } from '#drift/names.ts';
import type { Results } from './results.ts';
import { runbookContent } from './runbook.ts';
import { functionArn, ServiceFunction } from './service-function.ts';
import type { Settings } from './settings.ts';

export interface PeopleProps {
  readonly settings: Settings;
  /** Folder of the function's code. */
  readonly code: string;
  readonly results: Results;
}

/**
 * The one way in which people start checks. Whoever may invoke this function may have any target looked at, now, as its
 * schedule looks; nobody else needs a right on what it invokes.
 */
export class People extends Construct {
  constructor(scope: Construct, id: string, { settings, code, results }: PeopleProps) {
    super(scope, id);
    const rerun = new ServiceFunction(this, 'Rerun', {
      name: 'rerun',
      description: 'Plumbline: starts the checks that a person asks for',
      code,
      memoryMb: 512,
      // An Automation step waits for five minutes at most.
      timeout: Duration.minutes(4),
      environment: {
        [FUNCTION_ENV.bucket]: results.bucket.bucketName,
        [FUNCTION_ENV.dispatchFunction]: deployed.function('dispatch'),
      },
    });
    results.grantKnowAbsence(rerun.role);
    results.grantRead(rerun.role, 'state/*.json');
    const resources = [functionArn(this, deployed.function('dispatch'))];
    rerun.role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources }));
    new CfnDocument(this, 'Runbook', {
      name: deployed.runbook,
      documentType: 'Automation',
      documentFormat: 'JSON',
      content: runbookContent(settings.targets.map(({ name }) => name)),
      updateMethod: 'NewVersion',
    });
    new CfnOutput(this, 'Function', { value: rerun.function.functionName }).overrideLogicalId('RerunFunction');
  }
}
