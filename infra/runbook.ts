import { deployed } from '#drift/names.ts';

/** So many names, of 81 characters at most, fit into the 64 KB of a document. */
const MAX_LISTED = 500;

/**
 * An SSM Automation runbook that starts the check of a target, and shows what became of it with a link. It names no role
 * that it assumes: it runs with the rights of whoever starts it, who needs no more than to invoke that one function, and
 * whom CloudTrail names. A role of its own could be started by anybody who may pass it, and would hide them.
 * https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-lamb.html
 */
export function runbookContent(targets: readonly string[]): object {
  return {
    schemaVersion: '0.3',
    description: [
      '### Plumbline: check a target now',
      'Starts the check that the schedule would start, or joins the one that runs. The output `Start.Payload` says what',
      'became of it, with the address of the report, which is there when the check has ended.',
      '',
      `It runs with your own rights: you need \`lambda:InvokeFunction\` on \`${deployed.function('rerun')}\`.`,
    ].join('\n'),
    parameters: {
      Target: { type: 'String', description: 'What is checked, such as prod/network.', ...choice(targets) },
    },
    mainSteps: [
      {
        name: 'Start',
        action: 'aws:invokeLambdaFunction',
        description: 'Asks for the check, and fails with the reason when there is none.',
        timeoutSeconds: 300,
        maxAttempts: 1,
        onFailure: 'Abort',
        isEnd: true,
        inputs: {
          FunctionName: deployed.function('rerun'),
          InvocationType: 'RequestResponse',
          InputPayload: {
            action: 'rerun',
            target: '{{ Target }}',
            via: 'runbook',
            // It leads to who started it: `aws ssm get-automation-execution` says ExecutedBy.
            actor: 'automation execution {{ automation:EXECUTION_ID }}',
          },
        },
      },
    ],
    outputs: ['Start.Payload'],
  };
}

/** A drop-down; where the names are too many for one, a field whose shape is checked. */
function choice(targets: readonly string[]): object {
  return targets.length <= MAX_LISTED
    ? { allowedValues: [...targets].sort() }
    : { allowedPattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}/[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$' };
}
