import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NoRun, runBuild } from '#checks/terraform/build.ts';
import { BUILD_ENV } from '#drift/names.ts';
import { AwsIdentity } from '#services/aws/identity.ts';
import { S3Store } from '#services/aws/s3-store.ts';
import { AwsSecrets } from '#services/aws/secrets.ts';
import { type Terminal, UsageError } from '../terminal.ts';

/** `nobody`: owns nothing, and may not look into the processes of root. */
const NOBODY = { uid: 65534, gid: 65534 } as const;

/** `plumbline build`: what a build of the deployed service runs. */
export async function build(terminal: Terminal): Promise<void> {
  const bucket = terminal.env[BUILD_ENV.bucket] ?? '';
  if (bucket === '') throw new UsageError(`${BUILD_ENV.bucket} is not set: this command runs in builds of the service`);
  try {
    const complete = await runBuild({
      env: terminal.env,
      store: new S3Store(bucket),
      secrets: new AwsSecrets(),
      identity: new AwsIdentity(),
      ...(process.getuid?.() === 0 ? { user: NOBODY } : {}),
      toolCache: join(tmpdir(), 'plumbline-tools'),
      signal: terminal.signal,
      say: terminal.out,
      now: () => new Date(),
    });
    terminal.exit(complete ? 0 : 1);
  } catch (error) {
    if (error instanceof NoRun) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
