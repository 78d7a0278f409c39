/** The cluster cannot be looked at: one sentence with the remedy; never a credential. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError';
}
