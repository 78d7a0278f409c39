import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DOCUMENT_FOLDER, nodeDocument } from '#drift/nodes/document.ts';

/** A file of the document's, as it lies in the project. */
export const readPart = (name: string): string =>
  readFileSync(path.resolve(import.meta.dirname, '..', DOCUMENT_FOLDER, name), 'utf8');

/** The document as it is deployed. */
export const deployedDocument = (): unknown => nodeDocument(readPart);
