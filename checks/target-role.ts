import { deployed } from '#drift/names.ts';
import type { Ticket } from '#drift/ticket.ts';
import type { Identity, RoleCredentials } from '#services/aws/identity.ts';
import { NotReady } from './not-ready.ts';

/** Role chaining ends after an hour, whatever is asked for; STS gives no less than a quarter of one. */
const MAX_SESSION_SECONDS = 3600;
const MIN_SESSION_SECONDS = 900;
const SESSION_MARGIN_SECONDS = 300;

/** Credentials of the role that looks at what runs, for as long as the check may take. @throws NotReady, RoleError */
export async function assumeTargetRole(
  { run, target }: Ticket,
  identity: Pick<Identity, 'assume'>,
): Promise<RoleCredentials> {
  const { account, role } = target.environment;
  if (account === undefined || role === undefined) {
    throw new NotReady(`environment ${target.environment.name} has no account or role: complete it and deploy`);
  }
  const wanted = target.timeoutSeconds + SESSION_MARGIN_SECONDS;
  const seconds = Math.min(MAX_SESSION_SECONDS, Math.max(MIN_SESSION_SECONDS, wanted));
  return identity.assume(`arn:aws:iam::${account}:role/${deployed.targetRole(role, target.layer)}`, run.runId, seconds);
}
