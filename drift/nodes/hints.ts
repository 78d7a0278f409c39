/** Why ansible-playbook could not run a playbook: a pattern of its stderr, and a sentence that is safe to show. */
export interface Hint {
  /** Means the same to JavaScript and to Python: nodes apply it too. Its groups can hold no secret. */
  readonly pattern: string;
  /** `$1` is the first group. */
  readonly text: string;
}

/** The last parts of a file's path. */
const FILE = '((?:[A-Za-z0-9_.-]{1,100}/){0,4}[A-Za-z0-9_.-]{1,100})';
const NAME = '([A-Za-z0-9_.-]{1,200})';

/** In order: the first that matches is told. White space is any, since Ansible breaks lines. */
export const HINTS: readonly Hint[] = [
  {
    pattern: 'No\\s+space\\s+left\\s+on\\s+device|Disk\\s+quota\\s+exceeded',
    text: 'the disk is full: make room for temporary files',
  },
  {
    pattern: `couldn't\\s+resolve\\s+module/action\\s+'${NAME}'`,
    text: 'the module $1 is not there: write its collection into requirements.yml or install it, or correct the name',
  },
  {
    pattern: `[Tt]he\\s+role\\s+'${NAME}'\\s+was\\s+not\\s+found`,
    text: 'the role $1 was not found: put it below roles/, or name its folder in roles_path of ansible.cfg',
  },
  {
    pattern: `[Tt]he\\s+requested\\s+handler\\s+'${NAME}'\\s+was\\s+not\\s+found`,
    text: 'the handler $1, which a changed task notifies, was not found',
  },
  {
    pattern:
      'no\\s+vault\\s+secrets\\s+(?:were\\s+)?found|Decryption\\s+failed|vault\\s+password\\s+file\\s+\\S+\\s+was\\s+not\\s+found',
    text: 'a vault could not be opened: the vault password is missing or wrong, see vaultPassword in the config',
  },
  {
    pattern:
      '(?:Completely\\s+failed|Unable)\\s+to\\s+parse\\s+(?:inventory\\s+source|\\S+\\s+as\\s+an\\s+inventory\\s+source)',
    text: 'the inventory cannot be read: look at it with ansible-inventory --list',
  },
  {
    pattern: `Syntax\\s+Error\\s+while\\s+loading\\s+YAML[\\s\\S]{0,2000}?/${FILE}':\\s+line\\s+([0-9]+)`,
    text: 'the YAML of $1 cannot be read, in line $2',
  },
  {
    pattern: `YAML\\s+parsing\\s+failed[\\s\\S]{0,2000}?Origin:\\s+/?(?:[^\\s/]+/)*?${FILE}:([0-9]+)`,
    text: 'the YAML of $1 cannot be read, in line $2',
  },
  {
    pattern:
      "(?:field\\s+'hosts'\\s+has\\s+an\\s+invalid\\s+value|Error\\s+processing\\s+keyword\\s+'(?:hosts|name)')[\\s\\S]{0,500}?'([A-Za-z0-9_]{1,100})'\\s+is\\s+undefined",
    text: 'the variable $1, which a play needs to begin, is not defined: write it into extraVars',
  },
  {
    pattern: 'leaves\\s+us\\s+with\\s+no\\s+hosts\\s+to\\s+target|--limit\\s+does\\s+not\\s+match\\s+any\\s+hosts',
    text: 'the inventory and the limit leave no host: correct the limit',
  },
  {
    pattern: `[Cc]ould\\s+not\\s+find\\s+or\\s+access\\s+'/?(?:[^\\s/']+/)*?${FILE}'`,
    text: 'the file $1 is not there',
  },
];

const compiled = HINTS.map(({ pattern, text }) => ({ pattern: new RegExp(pattern), text }));

/** What stderr of ansible-playbook says of its end, in a sentence that holds no secret; null: nothing that is known. */
export function hintOf(stderr: string): string | null {
  for (const { pattern, text } of compiled) {
    const found = pattern.exec(stderr);
    if (found !== null) return text.replaceAll(/\$(\d)/g, (_, group: string) => found[Number(group)] ?? '');
  }
  return null;
}
