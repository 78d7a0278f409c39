import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ReleaseSource } from '#services/tools/release.ts';
import { findTool, PINNED, ToolError, type ToolRequest } from '#services/tools/tool.ts';

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
const platform = `${process.platform}_${architecture}`;
const fake = (version: string) => `#!/bin/sh\necho '{"terraform_version": "${version}", "platform": "x"}'\n`;

let folder: string;
let bin: string;
let server: Server;
let files: Map<string, Buffer | number>;
let asked: string[];
let releases: ReleaseSource;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const file = files.get(request.url ?? '');
    if (typeof file === 'number') response.writeHead(file).end();
    else if (file === undefined) response.writeHead(404).end();
    else response.end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  releases = { base: `http://127.0.0.1:${port}`, folder: (version) => version };
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plumbline-tools-'));
  bin = await mkdtemp(join(tmpdir(), 'plumbline-bin-'));
  files = new Map();
  asked = [];
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(bin, { recursive: true, force: true });
});

const install = (version: string) => writeFile(join(bin, 'terraform'), fake(version), { mode: 0o755 });
const ask = (extra: Partial<ToolRequest> = {}) =>
  findTool({ name: 'terraform', path: `${bin}:/usr/bin:/bin`, cache: folder, releases, ...extra });

function release(version: string, content: Record<string, Uint8Array>, sum?: string): void {
  const zip = Buffer.from(zipSync(content));
  const hash = sum ?? createHash('sha256').update(zip).digest('hex');
  const archive = `terraform_${version}_${platform}.zip`;
  const sums = `${'0'.repeat(64)}  terraform_${version}_other.zip\n${hash}  ${archive}\n`;
  files.set(`/${version}/terraform_${version}_SHA256SUMS`, Buffer.from(sums));
  files.set(`/${version}/${archive}`, zip);
}

describe('on the PATH', () => {
  test('the one there is used when no version is asked for', async () => {
    await install('1.11.4');
    expect(await ask()).toEqual({ name: 'terraform', version: '1.11.4', file: join(bin, 'terraform') });
    expect(asked).toEqual([]);
  });

  test('the one there is used when it is the version asked for', async () => {
    await install('1.9.8');
    expect((await ask({ version: '1.9.8' })).file).toBe(join(bin, 'terraform'));
    expect(asked).toEqual([]);
  });

  test('a relative entry of the PATH is passed over', async () => {
    await install('1.11.4');
    const relative = bin.replace(/^\//, '');
    await expect(ask({ path: `:.:${relative}:/usr/bin:/bin` })).rejects.toThrow(`no terraform ${PINNED.terraform}`);
  });

  test.each([
    ['0.15.5', undefined],
    ['1.11.4', '0.13.7'],
  ])('PATH %s, wanted %s: too old', async (onPath, version) => {
    await install(onPath);
    await expect(ask(version === undefined ? {} : { version })).rejects.toThrow(/is too old: 1\.0 or newer is needed/);
  });

  test('something else of that name is said', async () => {
    await writeFile(join(bin, 'terraform'), '#!/bin/sh\necho "not me" >&2; exit 9\n', { mode: 0o755 });
    await expect(ask()).rejects.toThrow(/does not tell its version \(exit code 9: not me\): is it terraform\?/);
  });
});

describe('a release', () => {
  test('is fetched, verified, unpacked for everyone, and cached', async () => {
    await install('1.11.4');
    release('1.9.8', { terraform: strToU8(fake('1.9.8')), 'LICENSE.txt': strToU8('x') });
    const tool = await ask({ version: '1.9.8' });
    expect(tool.version).toBe('1.9.8');
    expect(tool.file.startsWith(folder)).toBe(true);
    expect((await stat(tool.file)).mode & 0o777).toBe(0o755);
    expect(asked).toHaveLength(2);
    expect(await ask({ version: '1.9.8' })).toEqual(tool);
    expect(asked).toHaveLength(2);
    expect(await readdir(folder)).toEqual([`terraform-1.9.8-${platform}`]);
  });

  test('is the pinned one when none is asked for and none is there', async () => {
    release(PINNED.terraform, { terraform: strToU8(fake(PINNED.terraform)) });
    expect((await ask()).version).toBe(PINNED.terraform);
  });

  test('with another checksum is not used', async () => {
    release('1.9.8', { terraform: strToU8(fake('1.9.8')) }, 'a'.repeat(64));
    await expect(ask({ version: '1.9.8' })).rejects.toThrow(/is not what its release says: SHA-256/);
    expect(await readdir(folder)).toEqual([]);
  });

  test.each<[string, () => void, RegExp]>([
    ['that does not exist', () => undefined, /there is no terraform 1\.9\.8 at http.*: mend the version/],
    ['of a host in trouble', () => files.set('/1.9.8/terraform_1.9.8_SHA256SUMS', 503), /answered 503: put terraform/],
    [
      'for other platforms only',
      () => files.set('/1.9.8/terraform_1.9.8_SHA256SUMS', Buffer.from(`${'0'.repeat(64)}  terraform_1.9.8_x.zip\n`)),
      /is not released for/,
    ],
    ['without the binary', () => release('1.9.8', { other: strToU8('x') }), /holds no file terraform/],
    [
      'that lies about its version',
      () => release('1.9.8', { terraform: strToU8(fake('1.0.0')) }),
      /says it is terraform 1\.0\.0/,
    ],
    [
      'that is no archive',
      () => {
        release('1.9.8', {});
        const zip = Buffer.from('not a zip');
        const sum = createHash('sha256').update(zip).digest('hex');
        files.set(`/1.9.8/terraform_1.9.8_${platform}.zip`, zip);
        files.set('/1.9.8/terraform_1.9.8_SHA256SUMS', Buffer.from(`${sum}  terraform_1.9.8_${platform}.zip\n`));
      },
      /cannot be unpacked/,
    ],
    [
      'with endless checksums',
      () => files.set('/1.9.8/terraform_1.9.8_SHA256SUMS', Buffer.alloc(300 * 1024, 'x')),
      /is larger than 262144 bytes/,
    ],
  ])('%s is a clear error', async (_name, prepare, message) => {
    prepare();
    const error = await ask({ version: '1.9.8' }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ToolError);
    expect((error as ToolError).message).toMatch(message);
  });

  test('from a host that is not there is a clear error', async () => {
    const nowhere = { base: 'http://127.0.0.1:9', folder: (version: string) => version };
    await expect(ask({ version: '1.9.8', releases: nowhere })).rejects.toThrow(
      /could not be fetched \(.*\): put terra/,
    );
  });
});
