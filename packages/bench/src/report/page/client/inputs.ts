/** Shows one input at a time: the one that the hash of the address names, or of which it names a part. */

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
    // What was hidden could not be scrolled to; the head of an input is in sight already.
    if (target === shown) window.scrollTo({ top: 0, behavior: 'instant' });
    else if (named !== undefined) target?.scrollIntoView();
  };
  window.addEventListener('hashchange', () => follow(false));
  // All of them are printed.
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
