/** Content of the SSM document that runs a playbook on a node. */
export function nodeDocument(): unknown {
  return {
    schemaVersion: '2.2',
    description: 'Plumbline: runs a playbook in check mode and hands over what it saw',
    parameters: { RunId: { type: 'String', description: 'The run', allowedPattern: '^[0-9A-Za-z-]{1,64}$' } },
    mainSteps: [
      {
        action: 'aws:runShellScript',
        name: 'check',
        precondition: { StringEquals: ['platformType', 'Linux'] },
        inputs: { runCommand: ['exit 1'] },
      },
    ],
  };
}
