import { expect } from 'vitest';

/** What somebody who broke in has. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** What of all that is tried is allowed; the rest is denied, and fails for no other reason. */
export async function allowedOf(
  attempts: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<readonly string[]> {
  const done: string[] = [];
  for (const [what, attempt] of Object.entries(attempts)) {
    const refusal = await attempt().then(
      () => null,
      (error: Error) => error.name,
    );
    if (refusal === null) done.push(what);
    else expect(refusal, what).toMatch(/^(AccessDenied|AccessDeniedException)$/);
  }
  return done;
}
