import { plainLists } from './lists.ts';
import { oneCheck } from './one-check.ts';
import { ownFigures } from './own-figures.ts';

/**
 * `node warm.cjs ROUNDS KUBECONFIG FOLDER SERVER CA PATH…`: checks and plain paged LISTs in turn in one process, as a
 * function that stays warm does them. Prints what each cost, the first ones too.
 */
const [, , rounds = '', kubeconfig = '', folder = '', server = '', ca = '', ...paths] = process.argv;

async function measured(work: () => Promise<unknown>): Promise<{ readonly cpu: number; readonly seconds: number }> {
  const [start, before] = [performance.now(), ownFigures().cpu];
  await work();
  return { cpu: ownFigures().cpu - before, seconds: (performance.now() - start) / 1000 };
}

async function inTurn(): Promise<void> {
  const lists = [];
  const checks = [];
  for (let round = 0; round < Number(rounds); round += 1) {
    lists.push(await measured(() => plainLists(server, ca, paths)));
    checks.push(await measured(() => oneCheck(kubeconfig, folder)));
  }
  console.log(JSON.stringify({ lists, checks, megabytes: ownFigures().megabytes }));
}
inTurn();
