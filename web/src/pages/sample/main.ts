/** Fotowall: a small photo platform that stands in for any real one. */
import { mount } from 'svelte';
import { installScriptPolicy } from '../base/trusted_types.ts';
import './page.css';
import App from './App.svelte';

installScriptPolicy();

const target = document.getElementById('page');
if (target !== null) mount(App, { target });
