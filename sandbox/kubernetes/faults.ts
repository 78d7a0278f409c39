import type { Answer } from './api.ts';

/** How requests are to go wrong. */
export interface Fault {
  /** Which requests: those whose `METHOD /path?query` matches. */
  readonly match: RegExp;
  /** How many of them; @default 1 */
  readonly times?: number;
  /** Milliseconds before anything is answered. */
  readonly delay?: number;
  /** The connection ends in the middle of the body. */
  readonly isCut?: boolean;
  /** Answered in place of what the server would say. */
  readonly answer?: Answer;
}

/** What a priority level answers that has no seat left. */
export const TOO_MANY: Answer = {
  code: 429,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Retry-After': '1', 'X-Content-Type-Options': 'nosniff' },
  body: 'Too many requests, please try again later.\n',
};

/** Faults that wait for their requests, and all requests that came. */
export class Faults {
  readonly #waiting: { readonly fault: Fault; left: number }[] = [];
  readonly #seen: string[] = [];

  add(fault: Fault): void {
    this.#waiting.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  /** Every request so far, as `METHOD /path?query`. */
  requests(): readonly string[] {
    return [...this.#seen];
  }

  forgetRequests(): void {
    this.#seen.length = 0;
  }

  take(method: string, address: string): Fault | null {
    const line = `${method} ${address}`;
    this.#seen.push(line);
    const found = this.#waiting.find(({ fault, left }) => left > 0 && fault.match.test(line));
    if (found === undefined) return null;
    found.left--;
    return found.fault;
  }
}
