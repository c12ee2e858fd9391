/** Shows one input at a time: the one that the hash of the address names, or that contains the named part. */

export function showInputs(onShow: (article: HTMLElement) => void): void {
  const articles = [...document.querySelectorAll<HTMLElement>('article.input')];
  const links = [...document.querySelectorAll<HTMLAnchorElement>('.inputs a')];

  const follow = (isFirst: boolean) => {
    const target = targetOf(location.hash);
    const named = articles.find((article) => article.contains(target));
    const shown = named ?? articles.find((article) => isFirst && article === articles[0]);
    if (shown === undefined) return;
    for (const article of articles) article.hidden = article !== shown;
    for (const link of links) {
      if (link.hash === `#${shown.id}`) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
    onShow(shown);
    // The browser could not scroll to the target while it was hidden.
    if (named !== undefined) target?.scrollIntoView();
  };
  window.addEventListener('hashchange', () => follow(false));
  // Paper has all inputs.
  window.addEventListener('beforeprint', () => {
    for (const article of articles) article.hidden = false;
  });
  window.addEventListener('afterprint', () => follow(true));
  follow(true);
}

function targetOf(hash: string): Element | null {
  try {
    return document.getElementById(decodeURIComponent(hash.slice(1)));
  } catch {
    return null;
  }
}
