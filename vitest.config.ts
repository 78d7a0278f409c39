import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const inCi = process.env['CI'] === 'true';

// What tests start, the command line tool and `cdk synth` above all, is compiled once.
process.env['NODE_COMPILE_CACHE'] ??= path.resolve(import.meta.dirname, 'node_modules/.cache/node');

/**
 * What takes minutes goes first: at the end it would keep one worker busy and the other waiting. What mostly waits stands
 * beside the demo, which mostly computes.
 */
const SLOW = [
  ...['demo', 'node-document-faults', 'applying', 'nodes-service', 'service', 'kubernetes-service'],
  ...['demo-breaks', 'ansible'],
].map((name) => `/e2e/${name}.test.ts`);

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = SLOW.findIndex((name) => moduleId.endsWith(name));
      return place === -1 ? SLOW.length : place;
    };
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    // Two at a time: two cores are what they are measured on.
    maxWorkers: 2,
    sequence: { sequencer: SlowFirst },
    reporters: inCi ? ['default', ['json', { outputFile: '.vitest/results.json' }]] : ['default'],
    projects: [
      // Many small files: each with modules of its own would load them longer than it runs.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000, isolate: false } },
      {
        test: {
          name: 'template',
          // CDK is loaded once; its own validation is a test (lint.test.ts) and not a part of every other one.
          isolate: false,
          env: { CDK_VALIDATION: 'false' },
          include: ['test/template/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
