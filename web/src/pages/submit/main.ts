/** The page a person comes to. One URL, no storage, no history entries: what is not on screen any more is gone. */
import { mount } from 'svelte';
import { installScriptPolicy } from '../base/trusted_types.ts';
import '../base/tokens.css';
import './page.css';
import App from './App.svelte';

installScriptPolicy();

const target = document.getElementById('page');
if (target !== null) mount(App, { target });

// A page kept by the browser for its back button would come back with everything on it.
window.addEventListener('pageshow', (event) => {
  if (event.persisted) window.location.reload();
});
