/** Owners of one policy at a time. */

export function chooseOwners(article: HTMLElement): void {
  const choice = article.querySelector<HTMLSelectElement>('.owner-choice');
  if (choice === null) return;
  const show = () => {
    for (const owners of article.querySelectorAll<HTMLElement>('.owners'))
      owners.classList.toggle('not-chosen', owners.id !== choice.value);
  };
  choice.addEventListener('change', show);
  show();
}
