/** The reader's weights. An invalid value is marked, and the last valid one stays in use. */
import { formatValue } from '../../../text/units.ts';
import { ASSUMED, type Weights } from '../figures/cost-weights.ts';

/** ns. One second is far more than any operation takes, and sums stay exact. */
export const WEIGHT_LIMIT = 1e9;

export const isWeight = (number: number): boolean => number >= 0 && number <= WEIGHT_LIMIT;

export function invalidText(
  invalid: readonly { readonly label: string; readonly counted: number }[],
): string {
  if (invalid.length === 0) return '';
  const inUse = invalid.map(({ label, counted }) => `${label} ${formatValue(counted, 'ratio')}`);
  return `A weight is a number from 0 to ${formatValue(WEIGHT_LIMIT, 'count')}. Still in use: ${inUse.join(', ')} ns.`;
}

export function weightsForm(article: HTMLElement, onChange: () => void) {
  const form = article.querySelector<HTMLFormElement>('form.weights');
  const inputs = [...(form?.querySelectorAll<HTMLInputElement>('[data-weight]') ?? [])];
  const message = document.createElement('p');
  message.className = 'invalid';
  message.id = `${article.id}-weights-invalid`;
  message.setAttribute('role', 'status');
  form?.append(message);
  const idOf = (input: HTMLInputElement) => input.dataset['weight'] ?? '';
  let chosen = ASSUMED;
  let isAssumed = false;
  let before: readonly string[] = [];

  const mark = () => {
    const invalid = inputs.filter((input) => !isWeight(input.valueAsNumber));
    for (const input of inputs) {
      if (invalid.includes(input)) {
        input.setAttribute('aria-invalid', 'true');
        input.setAttribute('aria-describedby', message.id);
      } else {
        input.removeAttribute('aria-invalid');
        input.removeAttribute('aria-describedby');
      }
    }
    message.textContent = invalidText(
      invalid.map((input) => ({
        label: input.labels?.[0]?.textContent ?? idOf(input),
        counted: chosen[idOf(input)],
      })),
    );
  };
  const read = () => {
    const valid = inputs.filter((input) => isWeight(input.valueAsNumber));
    chosen = { ...chosen, ...Object.fromEntries(valid.map((input) => [idOf(input), input.valueAsNumber])) };
    mark();
  };
  const change = () => {
    read();
    onChange();
  };
  for (const input of inputs) input.max = String(WEIGHT_LIMIT);
  form?.addEventListener('input', change);
  form?.addEventListener('submit', (event) => event.preventDefault());
  // The fields have their defaults only after the event.
  form?.addEventListener('reset', () => setTimeout(change));
  // A browser may restore typed values when it loads the page again, some only after loading.
  read();
  window.addEventListener('pageshow', change);

  return {
    values: (): Weights => (isAssumed ? ASSUMED : chosen),
    /** Shows the default weights, as printed pictures have them, or the reader's again. */
    showAssumed(next: boolean) {
      if (next) before = inputs.map(({ value }) => value);
      for (const [index, input] of inputs.entries()) input.value = next ? input.defaultValue : before[index];
      isAssumed = next;
      mark();
    },
  };
}
