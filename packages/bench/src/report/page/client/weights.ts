/** The reader's weights; what is no number counts as nothing. */
import { ASSUMED, type Weights } from '../figures/cost-weights.ts';

export function readWeights(article: HTMLElement, onChange: () => void): () => Weights {
  let weights = ASSUMED;
  const form = article.querySelector<HTMLFormElement>('form.weights');
  const read = () => {
    const inputs = form?.querySelectorAll<HTMLInputElement>('[data-weight]') ?? [];
    weights = Object.fromEntries(
      [...inputs].map((input) => [input.dataset['weight'], Math.max(0, input.valueAsNumber || 0)]),
    );
    onChange();
  };
  form?.addEventListener('input', read);
  form?.addEventListener('submit', (event) => event.preventDefault());
  // The fields have their first values again only after the event.
  form?.addEventListener('reset', () => setTimeout(read));
  return () => weights;
}
