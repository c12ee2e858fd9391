/** Elements by hand: texts are set as text, never as markup, since names of owners come from logs. */

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className = '',
  text = '',
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  if (text !== '') element.textContent = text;
  return element;
}

/** Leaves equal texts alone, so that a live region does not speak of what has not changed. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Names of policies are long: a line may break behind each of their parts. */
export function setPolicy(element: HTMLElement, policy: string): void {
  if (element.textContent === policy) return;
  const parts = policy.split(/(?<=\+)/);
  element.replaceChildren(...parts.flatMap((part) => [part, document.createElement('wbr')]));
}

export function button(text: string, onClick: () => void): HTMLButtonElement {
  const element = make('button', '', text);
  element.type = 'button';
  element.addEventListener('click', onClick);
  return element;
}

let ids = 0;

/** For what names another element; a page may have several maps. */
export const newId = (): string => `block-map-${++ids}`;
