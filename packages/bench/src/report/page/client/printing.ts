/** Paper shows the pictures drawn beforehand, at the peak and with the default weights: the text has to show the same. */

export function whilePrinted(onChange: (isPrinted: boolean) => void): void {
  let isPrinted = false;
  const set = (next: boolean) => {
    if (next === isPrinted) return;
    isPrinted = next;
    onChange(next);
  };
  window.addEventListener('beforeprint', () => set(true));
  window.addEventListener('afterprint', () => set(false));
  // A print preview may come without these events.
  matchMedia('print').addEventListener('change', ({ matches }) => set(matches));
}
