// Builds dist: plain tsc for the library and the launchers, one bundle for each program (decision 11).
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

rmSync('dist', { recursive: true, force: true });
try {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { stdio: 'inherit' });
} catch {
  process.exit(1);
}

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  outdir: 'dist/programs',
  minifySyntax: true,
  logLevel: 'warning',
  // libsql finds the binary for this machine inside its own packages; typescript is only wanted by oclif's
  // development mode.
  external: ['libsql', 'zeromq', 'typescript'],
  banner: {
    js:
      "import { createRequire as makeRequire } from 'node:module'; const require = " +
      'makeRequire(import.meta.url);',
  },
};

await build({
  ...common,
  entryPoints: {
    watcher: 'src/engine/watcher.ts',
    ipcontroller: 'src/controller/ipcontroller.ts',
    store: 'src/controller/store-worker.ts',
    ipcluster: 'src/commands/main.ts',
    gateway: 'src/gateway/gateway.ts',
    ipgateway: 'src/gateway/ipgateway.ts',
    sweep: 'src/supervisor/sweep.ts',
  },
});
// A supervisor holds nothing that it seldom needs: outside tools are run by those of Python engines alone.
await build({
  ...common,
  entryPoints: { ipengine: 'src/supervisor/ipengine.ts' },
  external: [...common.external, 'execa'],
});
// The engine's door is CommonJS: Node's loader of modules costs as much as all that the door does, and waits
// until user code imports something.
await build({
  ...common,
  entryPoints: { engine: 'src/engine/door.ts' },
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
});
// The engine's kernel is a function that the door of the engine calls in another realm: what is beside it
// there is handed in.
await build({
  ...common,
  entryPoints: { kernel: 'src/engine/engine.ts' },
  format: 'cjs',
  external: ['./user-side.js', './parser.js', '../base/pristine.js', '../base/pristine-buffer.js'],
  define: { 'import.meta.url': 'moduleUrl' },
  banner: {},
});
for (const name of readdirSync('bin')) chmodSync(`bin/${name}`, 0o755);
