declare module '@michaelhomer/jqjs' {
  /** @throws on a text that is no jq filter */
  export function compile(filter: string): (input: unknown) => Iterable<unknown>;
}
