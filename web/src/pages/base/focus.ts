/** Actions for elements that take the focus when they appear. */

/** Focus a view's heading, so that a screen reader says where one is, and start at the top. */
export function focusHeading(node: HTMLElement): void {
  node.tabIndex = -1;
  node.focus({ preventScroll: true });
  window.scrollTo({ top: 0, behavior: 'instant' });
}

/** Focus an element as soon as it is there. */
export function focusNow(node: HTMLElement): void {
  node.focus();
}

/** Open a dialog over the page as soon as it is there; it gives the focus back when it goes. */
export function openModal(node: HTMLDialogElement): { destroy: () => void } {
  const before = document.activeElement;
  node.showModal();
  return {
    destroy: () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    },
  };
}
