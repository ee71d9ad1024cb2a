/** Type-check every folder with its own settings: a folder sees only the interfaces of the place where its code runs. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const WEB = fileURLToPath(new URL('../', import.meta.url));
const TSC = 'node_modules/typescript/bin/tsc';
const SVELTE_CHECK = 'node_modules/svelte-check/bin/svelte-check';

const checks = [
  [TSC, '-p', '.'],
  ...[
    'core',
    'core/tsconfig.test.json',
    'worker',
    'worker/tsconfig.test.json',
    'api',
    'locales',
    'pages/base',
    'pages/submit/tsconfig.test.json',
  ].map((project) => [TSC, '-p', `src/${project}`]),
  ...['submit', 'review', 'sample', 'operator'].map((page) => [
    SVELTE_CHECK,
    '--tsconfig',
    `src/pages/${page}/tsconfig.json`,
    '--fail-on-warnings',
    '--output',
    'human',
  ]),
];

const failed = checks.filter((args) => spawnSync(process.execPath, args, { cwd: WEB, stdio: 'inherit' }).status !== 0);
process.exitCode = failed.length === 0 ? 0 : 1;
