/**
 * Settings of a client whose calls end with a TimeoutError after so many milliseconds; each try anew. Of a time limit
 * alone the SDK only warns, and waits on: https://github.com/smithy-lang/smithy-typescript, `node-http-handler`.
 */
export function within(requestTimeout: number) {
  return { requestHandler: { connectionTimeout: 5_000, requestTimeout, throwOnRequestTimeout: true } } as const;
}
