import { h } from 'preact';
import { renderToStaticMarkup } from 'preact-render-to-string';
import { foreign, link } from '../page/elements.ts';
import type { Asked } from '../rerun.ts';

/** What became of what was asked for, as the console shows it in a popup. */
export function renderAsked(runs: readonly Asked[]): string {
  if (runs.length === 0) return renderToStaticMarkup(h('p', null, 'Nothing is stale: nothing was started.'));
  const started = runs.filter(({ runId }) => runId !== null).length;
  const rows = runs.map(({ target, sentence, link: address }) =>
    h(
      'li',
      { key: target },
      h('b', null, foreign(target)),
      ': ',
      foreign(sentence),
      address === null ? null : h('div', null, link(address)),
    ),
  );
  const said = `${started} of ${runs.length} started or joined. A report is there when its check has ended.`;
  return renderToStaticMarkup(h('div', { class: 'plumbline' }, h('p', null, said), h('ul', null, rows)));
}
