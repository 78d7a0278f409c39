import { plainLists } from './lists.ts';
import { ownFigures } from './own-figures.ts';

/** `node floor.cjs SERVER CA PATH…`: a process that does nothing but the plain paged LISTs. */
const [, , server = '', ca = '', ...paths] = process.argv;
plainLists(server, ca, paths).then((objects) => console.log(JSON.stringify({ objects, ...ownFigures() })));
