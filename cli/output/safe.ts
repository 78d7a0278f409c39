import { visible } from '#drift/page/visible.ts';

/** Foreign text for a terminal, which no name may redraw or turn around; line ends are kept. */
export const safe = (text: string): string => visible(text.replaceAll('\r\n', '\n').replaceAll('\t', '  '));

/** Foreign text on one line. */
export const safeLine = (text: string): string => safe(text).replaceAll('\n', '\\n');
