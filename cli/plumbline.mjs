#!/usr/bin/env node
// The command as npm installs it. The sources are TypeScript, which Node reads by itself from 22.18 on; an older Node
// hands over to the one that the project brings along.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
const main = fileURLToPath(new URL('./main.ts', import.meta.url));

if (major > 22 || (major === 22 && minor >= 18)) {
  // Beside the code: in a folder that all may write to, somebody else could put other code there.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/node', import.meta.url)));
  await import('./main.ts');
} else {
  const own = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
  if (existsSync(own)) handOver(own);
  else {
    console.error(`plumbline needs Node 22.18 or newer, this is ${process.version}: run "npm ci" in its folder first`);
    process.exitCode = 1;
  }
}

function handOver(node) {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both of us; what is sent to this process alone has to be passed on.
  const pass = (signal) => () => {
    if (!process.stdin.isTTY || signal !== 'SIGINT') child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, pass(signal));
  child.on('error', (error) => {
    console.error(`plumbline could not start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 1;
  });
}
