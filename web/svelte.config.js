/** Runes only; styles go to files, because the pages' policy allows no inline ones. */
export default {
  compilerOptions: { runes: true, css: 'external' },
};
