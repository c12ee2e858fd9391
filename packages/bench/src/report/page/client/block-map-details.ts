/** The panel with the facts of one block, for both sides. */
import { make, setPolicy, setText } from './block-map-dom.ts';
import type { BlockFacts } from './block-map-text.ts';

interface SideFacts {
  readonly policy: string;
  readonly facts: BlockFacts;
  readonly command: readonly string[];
}

export function createDetails(sides: number) {
  const element = make('section', 'block-map-details');
  element.setAttribute('aria-live', 'polite');
  element.setAttribute('aria-label', 'Details of a block');
  const title = make('p', 'block-map-block', 'Point at a block, or focus a map and use the arrow keys.');
  const body = make('div', 'block-map-facts');
  const parts = Array.from({ length: sides }, () => sidePart());
  body.append(...parts.map((part) => part.element));
  body.hidden = true;
  element.append(title, body);
  return {
    element,
    show(text: string, shown: readonly SideFacts[]) {
      setText(title, text);
      body.hidden = false;
      for (const [side, part] of parts.entries()) part.show(shown[side]);
    },
    /** A screen reader should not read every frame while time runs. */
    setTalkative: (isTalkative: boolean) => element.setAttribute('aria-live', isTalkative ? 'polite' : 'off'),
  };
}

function sidePart() {
  const element = make('div');
  const policy = make('p', 'block-map-policy');
  const list = make('dl');
  const state = entry(list, 'state');
  const mapping = entry(list, 'mapped');
  const pages = entry(list, 'pages');
  const since = entry(list, 'shared since');
  const pins = entry(list, 'pinned by');
  const story = make('p', 'block-map-story', 'all events of this block: ');
  const command = make('code');
  story.append(command);
  element.append(policy, list, story);
  return {
    element,
    show(shown: SideFacts) {
      setPolicy(policy, shown.policy);
      setText(state, shown.facts.state);
      setText(mapping, shown.facts.mapping);
      setText(pages, shown.facts.pages);
      setText(since, shown.facts.since);
      setLines(pins, shown.facts.pins);
      setCommand(command, shown.command);
    },
  };
}

function entry(list: HTMLDListElement, term: string): HTMLElement {
  const description = make('dd');
  list.append(make('dt', '', term), description);
  return description;
}

function setLines(element: HTMLElement, lines: readonly string[]): void {
  if ([...element.children].map((child) => child.textContent).join('\n') === lines.join('\n')) return;
  element.replaceChildren(...lines.map((text) => make('div', '', text)));
}

/** A line may break within a path, but not within an option. */
function setCommand(element: HTMLElement, words: readonly string[]): void {
  if (element.textContent === words.join(' ')) return;
  const [command, path, ...options] = words.map((word) => make('span', '', word));
  element.replaceChildren(command, ' ', path, ...options.flatMap((option) => [' ', option]));
}
