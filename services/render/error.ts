/** Manifests cannot be rendered: the message is one sentence with the file, the line where it is known, and the remedy. */
export class RenderError extends Error {
  override readonly name = 'RenderError';
}
