import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { HINTS, hintOf } from '#drift/nodes/hints.ts';

/** What ansible-core 2.12.10, 2.19.14 and 2.21.5 wrote to stderr. */
const SAID: readonly (readonly [string, string | null])[] = [
  [
    "ERROR! couldn't resolve module/action 'acme.none.thing'. This often indicates a misspelling, missing collection, or incorrect module path.",
    'the module acme.none.thing is not there: write its collection into requirements.yml or install it, or correct the name',
  ],
  [
    "ERROR! the role 'nosuch' was not found in /a/role/roles:/nonexist:/a/role\n\nThe error appears to be in '/a/role/site.yml': line 3, column 11",
    'the role nosuch was not found: put it below roles/, or name its folder in roles_path of ansible.cfg',
  ],
  [
    "[ERROR]: The role 'nosuch' was not found in: /a/role/roles:/nonexist:/a/role\nOrigin: /a/role/site.yml:3:11",
    'the role nosuch was not found: put it below roles/, or name its folder in roles_path of ansible.cfg',
  ],
  [
    "ERROR! The requested handler 'gone' was not found in either the main handlers list nor in the listening handlers list",
    'the handler gone, which a changed task notifies, was not found',
  ],
  [
    'ERROR! Attempting to decrypt but no vault secrets found',
    'a vault could not be opened: the vault password is missing or wrong, see vaultPassword in the config',
  ],
  [
    '[ERROR]: Decryption failed (no vault secrets were found that could decrypt).\nOrigin: /a/v.yml',
    'a vault could not be opened: the vault password is missing or wrong, see vaultPassword in the config',
  ],
  [
    "[WARNING]:  * Failed to parse /a/hosts with yaml plugin: We were unable\nto read either as JSON nor YAML Syntax Error while loading YAML.\nThe error appears to be in\n'/a/hosts': line 2, column 2\nERROR! Completely failed to parse inventory source /a/hosts",
    'the inventory cannot be read: look at it with ansible-inventory --list',
  ],
  [
    "ERROR! We were unable to read either as JSON nor YAML, these are the errors we got from each:\nSyntax Error while loading YAML.\n  did not find expected node content\n\nThe error appears to be in '/tmp/x1/source/ansible/roles/x/tasks/main.yml': line 2, column 8",
    'the YAML of ansible/roles/x/tasks/main.yml cannot be read, in line 2',
  ],
  [
    '[ERROR]: YAML parsing failed: While parsing a flow node did not find expected node content.\nOrigin: /tmp/x1/ansible/roles/x/tasks/main.yml:4:1',
    'the YAML of ansible/roles/x/tasks/main.yml cannot be read, in line 4',
  ],
  [
    "ERROR! The field 'hosts' has an invalid value, which includes an undefined variable. The error was: 'target_hosts' is undefined",
    'the variable target_hosts, which a play needs to begin, is not defined: write it into extraVars',
  ],
  [
    "[ERROR]: Error processing keyword 'name': 'target_hosts' is undefined\nOrigin: /a/site.yml:1:10",
    'the variable target_hosts, which a play needs to begin, is not defined: write it into extraVars',
  ],
  [
    'ERROR! Specified hosts and/or --limit does not match any hosts',
    'the inventory and the limit leave no host: correct the limit',
  ],
  [
    '[ERROR]: Specified inventory, host pattern and/or --limit leaves us with no hosts to target.',
    'the inventory and the limit leave no host: correct the limit',
  ],
  ["Could not find or access '/none.yml' on the Ansible Controller.", 'the file none.yml is not there'],
  ['OSError: [Errno 28] No space left on device', 'the disk is full: make room for temporary files'],
  ["[ERROR]: Task failed: the password 'hunter2' is wrong", null],
  ["couldn't resolve module/action '{{ 'hunter2' }}'", null],
  ['', null],
];

describe('hints of stderr', () => {
  it.each(SAID)('%s', (stderr, wanted) => expect(hintOf(stderr)).toBe(wanted));

  it('are the same to Python, which reads them on the nodes', () => {
    const script = `import json, re, sys
given = json.load(sys.stdin)
def hint(text):
    for entry in given["hints"]:
        found = re.search(entry["pattern"], text)
        if found:
            return re.sub(r"\\$(\\d)", lambda group: found.group(int(group.group(1))) or "", entry["text"])
    return None
print(json.dumps([hint(text) for text in given["texts"]]))`;
    const input = JSON.stringify({ hints: HINTS, texts: SAID.map(([text]) => text) });
    const said: unknown = JSON.parse(execFileSync('python3', ['-c', script], { input }).toString());
    expect(said).toEqual(SAID.map(([, wanted]) => wanted));
  });

  it('take no long time with a long hostile text', () => {
    const begun = performance.now();
    for (const text of ["Syntax Error while loading YAML '/", "Could not find or access '/", 'a/', "keyword 'hosts'"]) {
      expect(hintOf(text.repeat(65_536 / text.length))).toBeNull();
    }
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});
