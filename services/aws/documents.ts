import { GetDocumentCommand, SSMClient } from '@aws-sdk/client-ssm';
import { isNamed } from './errors.ts';
import { within } from './within.ts';

/** An SSM document as it is used when nobody names a version. */
export interface DeployedDocument {
  readonly version: string;
  /** JSON. */
  readonly content: string;
}

/** A document cannot be looked at; the message says what to do. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
}

/** A person waits for the answer. */
const SOON = { maxAttempts: 2, ...within(20_000) } as const;

/** Asks SSM, with the process's own credentials. Null: there is no such document. @throws DocumentError */
export async function readDocument(name: string, region: string): Promise<DeployedDocument | null> {
  const client = new SSMClient({ ...SOON, region });
  try {
    const document = await client.send(new GetDocumentCommand({ Name: name, DocumentFormat: 'JSON' }));
    return { version: document.DocumentVersion ?? '', content: document.Content ?? '' };
  } catch (cause) {
    if (isNamed(cause, 'InvalidDocument')) return null;
    throw new DocumentError(refusal(cause), { cause });
  } finally {
    client.destroy();
  }
}

function refusal(cause: unknown): string {
  if (isNamed(cause, 'AccessDeniedException', 'AccessDenied'))
    return 'may not be looked at: allow ssm:GetDocument to you';
  const why = cause instanceof Error ? cause.name : 'unknown error';
  return `could not be looked at (${why}): are your credentials valid, and is the SSM API reachable from here?`;
}
