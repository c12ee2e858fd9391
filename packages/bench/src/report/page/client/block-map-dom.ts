/** Elements of the block map. Texts are set as text, never as markup: names of owners come from logs. */
import { shortPolicyName } from '@decpool/pool/policy-names';

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

/** An element with others in it. */
export function holding<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = make(tag, className);
  element.append(...children);
  return element;
}

export function headCell(
  scope: 'row' | 'col',
  ...children: readonly (Node | string)[]
): HTMLTableCellElement {
  const cell = holding('th', '', ...children);
  cell.scope = scope;
  return cell;
}

/** Leaves equal texts alone: a live region must not repeat what has not changed. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The short name of a policy, with the full one as its title. A line may break between its parts. */
export function setPolicy(element: HTMLElement, policy: string): void {
  const name = shortPolicyName(policy);
  setFullName(element, policy);
  if (element.textContent === name) return;
  const parts = name.split(/(?<=\+)/);
  element.replaceChildren(...parts.flatMap((part) => [part, document.createElement('wbr')]));
}

/** As a title, if the element shows another name. */
export function setFullName(element: HTMLElement, policy: string): void {
  element.title = shortPolicyName(policy) === policy ? '' : policy;
}

export function button(text: string, onClick: () => void): HTMLButtonElement {
  const element = make('button', '', text);
  element.type = 'button';
  element.addEventListener('click', onClick);
  return element;
}

let ids = 0;

/** An id that no other element has: a page may have several maps. */
export const newId = (): string => `block-map-${++ids}`;
