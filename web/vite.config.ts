/** Four pages, four bundles: `vite build --mode PAGE`. Pages share source files, never a built file. */
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { withoutScript } from './without_script.ts';

const PAGES = ['submit', 'review', 'sample', 'operator'];

export default defineConfig(({ mode }) => {
  const page = PAGES.includes(mode) ? mode : 'submit';
  return {
    root: fileURLToPath(new URL(`./src/pages/${page}/`, import.meta.url)),
    base: './',
    plugins: [svelte({ configFile: fileURLToPath(new URL('./svelte.config.js', import.meta.url)) }), withoutScript()],
    json: { namedExports: true },
    build: {
      outDir: fileURLToPath(new URL(`../src/takeback/_web/${page}/`, import.meta.url)),
      emptyOutDir: true,
      target: 'es2022',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
    },
    worker: { format: 'es' },
  };
});
