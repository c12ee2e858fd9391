/** Paper has the pictures that were drawn beforehand: what stands beside them has to tell of the same. */

export function whilePrinted(begin: () => void, end: () => void): void {
  let isPrinted = false;
  const set = (next: boolean) => {
    if (next === isPrinted) return;
    isPrinted = next;
    if (isPrinted) begin();
    else end();
  };
  window.addEventListener('beforeprint', () => set(true));
  window.addEventListener('afterprint', () => set(false));
  // A preview for print may come without those events.
  matchMedia('print').addEventListener('change', ({ matches }) => set(matches));
}
