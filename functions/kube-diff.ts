import { tmpdir } from 'node:os';
import path from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { checkKubernetes } from '#checks/kubernetes/check.ts';
import { type FunctionWorld, runFunction } from '#checks/kubernetes/function.ts';
import { FUNCTION_ENV, JSONNET_FILES } from '#drift/names.ts';
import { askedRunSchema } from '#drift/ticket.ts';
import { AwsIdentity } from '#services/aws/identity.ts';
import { LambdaFunctions } from '#services/aws/lambda.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import { within } from '#services/aws/within.ts';
import { fetchCommit } from '#services/git/fetch.ts';
import { uploadOnce } from '#services/upload.ts';
import { entry, logger, parseEvent, variable } from './setup.ts';

/** In a network without a way to AWS a call must end long before the function does. */
const AWS = within(20_000);
const beside = (file: string): string => path.join(variable('LAMBDA_TASK_ROOT'), file);

const world: FunctionWorld = {
  store: new S3Store(variable(FUNCTION_ENV.bucket), new S3Client(AWS)),
  secrets: new AwsSecrets(new SecretsManagerClient(AWS), new SSMClient(AWS)),
  identity: new AwsIdentity(new STSClient(AWS)),
  fetchCommit,
  check: checkKubernetes,
  upload: uploadOnce,
  functions: new LambdaFunctions(),
  recordFunction: variable(FUNCTION_ENV.recordFunction),
  cache: path.join(tmpdir(), 'plumbline-git'),
  tools: {
    path: process.env['PATH'] ?? '',
    cache: path.join(tmpdir(), 'plumbline-tools'),
    jsonnet: { worker: beside(JSONNET_FILES.worker), library: beside(JSONNET_FILES.library) },
  },
  log: logger,
  now: () => new Date(),
};

/** Compares the objects of one target, as its ticket says: `{ target, runId, ticket }`, from `dispatch`. */
export const handler = entry(async (event, context) => {
  const asked = parseEvent(askedRunSchema, event);
  logger.appendKeys({ target: asked.target, runId: asked.runId });
  return runFunction(asked, () => context.getRemainingTimeInMillis(), world);
});
