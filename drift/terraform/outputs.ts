import type { Note } from '../note.ts';

const MAX_OUTPUTS = 100;
const MAX_BYTES = 16 * 1024;

/**
 * A root module's outputs for other targets, each as JSON text. What a known secret is part of is left out, and so is
 * what is too much; a note says so.
 * @param values the applied values of outputs that are not sensitive
 */
export function shareableOutputs(
  values: Readonly<Record<string, unknown>>,
  redact: (text: string) => string,
): { readonly outputs: Readonly<Record<string, string>>; readonly notes: readonly Note[] } {
  const outputs: Record<string, string> = {};
  const notes: Note[] = [];
  let bytes = 0;
  for (const [name, value] of Object.entries(values)) {
    const text = JSON.stringify(value);
    const size = Buffer.byteLength(name) + Buffer.byteLength(text);
    const why =
      redact(name) !== name || redact(text) !== text
        ? 'it holds a value that is sensitive elsewhere'
        : Object.keys(outputs).length >= MAX_OUTPUTS || bytes + size > MAX_BYTES
          ? `more than ${MAX_OUTPUTS} outputs or ${MAX_BYTES} bytes are not kept`
          : null;
    if (why === null) {
      outputs[name] = text;
      bytes += size;
    } else {
      notes.push({
        kind: 'output-not-kept',
        subject: redact(`output.${name}`),
        text: `cannot be used by other targets: ${why}`,
      });
    }
  }
  return { outputs, notes };
}
