/** The console of the people who run a registry. No storage: the session is a cookie that this code cannot read. */
import { mount } from 'svelte';
import { installScriptPolicy } from '../base/trusted_types.ts';
import '../base/tokens.css';
import './page.css';
import './desk.css';
import App from './App.svelte';
import { takeCodeFromAddress } from './address.ts';

installScriptPolicy();

const target = document.getElementById('page');
if (target !== null) mount(App, { target, props: { code: takeCodeFromAddress() } });
