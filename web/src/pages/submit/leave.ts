/**
 * Leaving in a hurry. Source: the GOV.UK Design System's "exit this page" pattern.
 *
 * The page goes blank before anything is loaded, because loading takes a moment in which somebody could look. `replace`
 * keeps this page out of the tab's back button.
 */

/** A page that anybody could have open. */
const NEUTRAL_PAGE = 'https://www.bbc.com/weather';

/** Blank the page, then go. */
export function leavePage(): void {
  document.body.replaceChildren();
  document.title = '…';
  window.location.replace(NEUTRAL_PAGE);
}
