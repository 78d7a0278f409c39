/** Why a finding is there: the live side moved, git moved and is not applied yet, both, or it cannot be told. */
export const CAUSES = ['out-of-band', 'pending', 'both', 'unclear'] as const;
export type Cause = (typeof CAUSES)[number];
