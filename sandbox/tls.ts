import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from './run.ts';

export interface Certificates {
  /** Bundle that trusts the sandbox and nothing else. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const REMEDY = 'On Debian: apt-get install openssl';

/** A small authority of its own and one certificate for this machine, valid for a week. */
export async function makeCertificates(dir: string): Promise<Certificates> {
  const at = (name: string): string => path.join(dir, name);
  const openssl = (...args: string[]) => run('openssl', args, { remedy: REMEDY });
  const extensions = at('extensions');
  writeFileSync(
    extensions,
    'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n',
  );
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...curve,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-days',
    '7',
    '-subj',
    '/CN=Plumbline sandbox',
  );
  await openssl('req', ...curve, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=localhost');
  const sign = [
    'x509',
    '-req',
    '-in',
    at('server.csr'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
  ];
  await openssl(...sign, '-out', at('server.pem'), '-days', '7', '-extfile', extensions);
  return { ca: at('ca.pem'), cert: at('server.pem'), key: at('server.key') };
}
