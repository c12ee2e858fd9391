/** The panel with the facts of one block, for both sides. */
import { holding, make, setPolicy, setText } from './block-map-dom.ts';
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
  const parts = Array.from({ length: sides }, sidePart);
  const body = holding('div', 'block-map-facts', ...parts.map((part) => part.element));
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
  const policy = make('p', 'block-map-policy');
  const list = make('dl');
  const entry = (term: string) => {
    const description = make('dd');
    list.append(make('dt', '', term), description);
    return description;
  };
  const lines = {
    state: entry('state'),
    mapping: entry('mapped'),
    pages: entry('pages'),
    since: entry('shared since'),
  };
  const pins = entry('pinned by');
  const command = make('code');
  const story = holding('p', 'block-map-story', 'all events of this block: ', command);
  return {
    element: holding('div', '', policy, list, story),
    show(shown: SideFacts) {
      setPolicy(policy, shown.policy);
      for (const name of ['state', 'mapping', 'pages', 'since'] as const)
        setText(lines[name], shown.facts[name]);
      setLines(pins, shown.facts.pins);
      setCommand(command, shown.command);
    },
  };
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
