/** A list of names, of which `*` at the end stands for any text. */
export class Names {
  readonly #whole: ReadonlySet<string>;
  readonly #starts: readonly string[];

  constructor(names: readonly string[]) {
    this.#whole = new Set(names.filter((name) => !name.endsWith('*')));
    this.#starts = names.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  }

  has(name: string): boolean {
    return this.#whole.has(name) || this.#starts.some((start) => name.startsWith(start));
  }
}
