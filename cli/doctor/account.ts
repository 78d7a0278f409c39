import type { Environment } from '#drift/target.ts';
import { type Caller, CallerError } from '#services/aws/identity.ts';
import { type Diagnosis, ill, well } from './diagnosis.ts';

/** Whether this person's credentials are those of the account of an environment. */
export async function examineAccount(
  environment: Environment & { readonly account: string },
  callerIn: (region: string | undefined) => Promise<Caller>,
): Promise<Diagnosis> {
  const { name, account, region } = environment;
  const about = `${name} account`;
  try {
    const { account: own, arn } = await callerIn(region);
    if (own === account) return well(about, `${account}, as ${arn}`);
    return ill(about, `is ${account}, and these AWS credentials are ${arn}: choose others, such as by AWS_PROFILE`);
  } catch (error) {
    if (!(error instanceof CallerError)) throw error;
    return ill(about, error.message);
  }
}
