import { createCipheriv, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const SALT_BYTES = 32;
const ITERATIONS = 10_000;
const KEY_BYTES = 32;
const IV_BYTES = 16;
const BLOCK_BYTES = 16;
const COLUMNS = 80;

/** A password that nobody else has, for one run: base64url. */
export const oneTimeKey = (): string => randomBytes(KEY_BYTES).toString('base64url');

/**
 * A text as `ansible-vault encrypt` makes it, so that Ansible opens it in memory alone.
 * Format 1.1: https://docs.ansible.com/ansible/latest/vault_guide/vault_using_encrypted_content.html
 */
export function encryptVault(text: string, password: string): string {
  const salt = randomBytes(SALT_BYTES);
  const derived = pbkdf2Sync(password, salt, ITERATIONS, 2 * KEY_BYTES + IV_BYTES, 'sha256');
  const cipher = createCipheriv('aes-256-ctr', derived.subarray(0, KEY_BYTES), derived.subarray(2 * KEY_BYTES));
  const sealed = Buffer.concat([cipher.update(padded(Buffer.from(text, 'utf8'))), cipher.final()]);
  const proof = createHmac('sha256', derived.subarray(KEY_BYTES, 2 * KEY_BYTES))
    .update(sealed)
    .digest('hex');
  const body = Buffer.from([salt.toString('hex'), proof, sealed.toString('hex')].join('\n')).toString('hex');
  const lines = body.match(new RegExp(`.{1,${COLUMNS}}`, 'g')) ?? [];
  return `${['$ANSIBLE_VAULT;1.1;AES256', ...lines].join('\n')}\n`;
}

/** PKCS#7: a counter mode needs no padding, but Ansible takes it off. */
function padded(bytes: Buffer): Buffer {
  const missing = BLOCK_BYTES - (bytes.length % BLOCK_BYTES);
  return Buffer.concat([bytes, Buffer.alloc(missing, missing)]);
}

/** Variables for `-e @file`, as a vault: Ansible takes them as they are, so that braces in a password are no template. */
export function encryptVariables(variables: Readonly<Record<string, string>>, password: string): string {
  const lines = Object.entries(variables).map(([name, value]) => `${quoted(name)}: !unsafe ${quoted(value)}\n`);
  return encryptVault(lines.join(''), password);
}

/** JSON in ASCII, with the escapes that YAML has for what lies beyond. */
const quoted = (text: string): string =>
  JSON.stringify(text.toWellFormed()).replace(
    /[^\x20-\x7e]/gu,
    (character) => `\\U${character.codePointAt(0)?.toString(16).padStart(8, '0')}`,
  );
