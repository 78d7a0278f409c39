import { oneCheck } from './one-check.ts';
import { ownFigures } from './own-figures.ts';

/** `node check.cjs KUBECONFIG FOLDER`: a process that does nothing but one check. */
const [, , kubeconfig = '', folder = ''] = process.argv;
oneCheck(kubeconfig, folder).then(({ verdict, reason, coverage, findings }) => {
  const { compared } = coverage;
  console.log(JSON.stringify({ verdict, reason, compared, findings: findings.length, ...ownFigures() }));
});
