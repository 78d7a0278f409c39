/** In the order in which they are joined: what is used comes before what uses it. */
export const PARTS = ['answer', 'transfer', 'unpack', 'processes', 'core', 'playbook', 'node'] as const;
/** Where its parts lie, from the root of the project. */
export const DOCUMENT_FOLDER = 'buildspecs/node';
const OWN_IMPORT = new RegExp(`^from (${PARTS.join('|')}) import .*\n`, 'gm');

/** Every value stands between single quotes in a shell script: none may hold one, or a line break. */
const PARAMETERS = {
  BundleUrl: {
    type: 'String',
    description: 'Signed address of the packed playbook',
    allowedPattern: '^https://[A-Za-z0-9._~:/?&=%+-]+$',
  },
  BundleSha256: { type: 'String', description: 'SHA-256 of the packed playbook', allowedPattern: '^[0-9a-f]{64}$' },
  Key: {
    type: 'String',
    description: 'Opens the secrets in the packed playbook; for one run only',
    allowedPattern: '^[A-Za-z0-9_-]{32,128}$',
  },
  RunId: { type: 'String', description: 'The run this belongs to', allowedPattern: '^[A-Za-z0-9._-]{1,128}$' },
  ExecutionSeconds: {
    type: 'String',
    description: 'The node is given so much time for the whole of it',
    allowedPattern: '^[1-9][0-9]{1,5}$',
  },
} as const;

/**
 * The SSM Command document that runs a playbook in check mode on the node itself, and hands its events over.
 * @param read gives the text of a file of `DOCUMENT_FOLDER`
 * @returns its content, under the 64 KB that SSM takes
 */
export function nodeDocument(read: (name: string) => string): unknown {
  return {
    schemaVersion: '2.2',
    description:
      'Plumbline: compares this node with an Ansible playbook in check mode. It changes and installs nothing.',
    parameters: PARAMETERS,
    mainSteps: [
      {
        action: 'aws:runShellScript',
        name: 'check',
        precondition: { StringEquals: ['platformType', 'Linux'] },
        inputs: { timeoutSeconds: '{{ ExecutionSeconds }}', runCommand: nodeScript(read).split('\n') },
      },
    ],
  };
}

/** The shell script, with the program in it. */
function nodeScript(read: (name: string) => string): string {
  const program = PARTS.map((part) => read(`${part}.py`).replaceAll(OWN_IMPORT, '')).join('\n\n');
  return read('start.sh').replace('@node.py@\n', () => program);
}
