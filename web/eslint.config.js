/**
 * Rules beyond style keep promises: nothing is stored, nothing is sent from outside `api/`, no text becomes markup, and
 * imports point down only (core ← worker, api ← pages).
 */
import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

const STORAGE = ['localStorage', 'sessionStorage', 'indexedDB', 'caches', 'cookieStore'];
const NETWORK = ['fetch', 'XMLHttpRequest', 'WebSocket', 'WebTransport', 'EventSource', 'RTCPeerConnection'];
const MARKUP = ['innerHTML', 'outerHTML', 'srcdoc'];

const noGlobals = (names, message) => names.map((name) => ({ name, message }));
const noProperties = (properties, message) => properties.map((property) => ({ property, message }));
const noMembers = (names, message) =>
  names.map((name) => ({ selector: `MemberExpression > Identifier.property[name='${name}']`, message }));

const ALWAYS = [
  ...noMembers(MARKUP, 'Text never becomes markup.'),
  ...noMembers(['insertAdjacentHTML', 'setHTMLUnsafe', 'parseFromString'], 'Text never becomes markup.'),
  ...noMembers(['cookie', ...STORAGE], 'Nothing is stored on the device.'),
  ...noMembers(['serviceWorker'], 'No service worker: it would outlive the visit.'),
  ...noMembers(['pushState'], 'One URL during the whole flow.'),
];
const OUTSIDE_API = noMembers(['sendBeacon', ...NETWORK], 'Only api/ speaks to a server.');

/** Files of `folder` may import from `allowed` folders and their own only. */
function layer(folder, forbidden, extra = {}) {
  const patterns = forbidden.map((name) => ({ group: [`**/${name}/**`], message: `${folder} may not know ${name}.` }));
  return {
    files: [`src/${folder}/**/*.{ts,svelte}`],
    rules: { 'no-restricted-imports': ['error', { patterns }], ...extra },
  };
}

const PAGES = ['submit', 'review', 'sample', 'operator'];

export default ts.config(
  { ignores: ['node_modules/**'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,svelte}'],
    extends: [ts.configs.strictTypeChecked, ts.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: [
          'tsconfig.json',
          'src/*/tsconfig.json',
          'src/*/tsconfig.test.json',
          'src/pages/*/tsconfig.json',
          'src/pages/*/tsconfig.test.json',
        ],
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: ['.svelte'],
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // The JSON parsers read index signatures by ['name'], as the compiler asks for (noPropertyAccessFromIndexSignature).
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      'no-restricted-globals': [
        'error',
        ...noGlobals(STORAGE, 'Nothing is stored on the device.'),
        ...noGlobals(NETWORK, 'Only api/ speaks to a server.'),
      ],
      'no-restricted-properties': ['error', ...noProperties(MARKUP, 'Text never becomes markup.')],
      'no-restricted-syntax': ['error', ...ALWAYS, ...OUTSIDE_API],
      'no-console': 'error',
      'no-eval': 'error',
      eqeqeq: 'error',
    },
  },
  ...svelte.configs['flat/recommended'],
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { parser: ts.parser, svelteConfig },
    },
    rules: {
      'prefer-const': 'off',
      'svelte/prefer-const': ['error', { destructuring: 'all' }],
      'svelte/no-at-html-tags': 'error',
      'svelte/no-inline-styles': 'error',
      'svelte/no-target-blank': 'error',
      'svelte/button-has-type': 'error',
      // A component's markup calls handlers for what they do; what they give back means nothing there.
      '@typescript-eslint/no-confusing-void-expression': 'off',
    },
  },
  {
    files: ['src/api/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', ...noGlobals(STORAGE, 'Nothing is stored on the device.')],
      'no-restricted-syntax': ['error', ...ALWAYS],
    },
  },
  {
    // Kernels read typed arrays by computed index; a check at every pixel would cost more than the sum it guards.
    files: ['src/core/pdq*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  layer('core', ['worker', 'api', 'pages', 'locales']),
  layer('worker', ['api', 'pages', 'locales']),
  layer('api', ['worker', 'pages', 'locales']),
  layer('pages/base', ['submit', 'review', 'sample', 'operator', 'api', 'worker']),
  ...PAGES.map((page) =>
    layer(
      `pages/${page}`,
      PAGES.filter((other) => other !== page),
    ),
  ),
  {
    // Tests read JSON that they themselves made or that is under version control.
    files: ['**/*.test.ts'],
    rules: { '@typescript-eslint/no-unsafe-type-assertion': 'off' },
  },
  {
    files: ['scripts/**/*.js', '*.config.js'],
    languageOptions: { globals: globals.node },
  },
);
