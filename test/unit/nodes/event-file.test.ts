import { appendFileSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { EventFile } from '#checks/nodes/event-file.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'plumbline-events-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the file of events', () => {
  it('is counted while it grows, from before it is there, also where a line is written in two parts', async () => {
    const name = path.join(folder, 'growing');
    const file = new EventFile(name);
    const said: number[] = [];
    expect(await file.read()).toBe('');
    const stop = file.follow((tasks) => said.push(tasks), 20);
    await sleep(50);
    appendFileSync(name, '{"seq": 0, "event": "begin"}\n{"seq": 1, "event": "task"}\n{"seq": 2, "ev');
    while (said.length < 1) await sleep(10);
    appendFileSync(name, 'ent": "task"}\n');
    while (said.length < 2) await sleep(10);
    stop();
    expect(said).toEqual([1, 2]);
    expect(await file.read()).toMatch(/"seq": 2, "event": "task"\}\n$/);
  });

  it('is not read when it is huge', async () => {
    const name = path.join(folder, 'huge');
    appendFileSync(name, '');
    truncateSync(name, 256 * 1024 * 1024 + 1);
    await expect(new EventFile(name).read()).rejects.toThrow('larger than 256 MB: split the playbook or the inventory');
  });
});
