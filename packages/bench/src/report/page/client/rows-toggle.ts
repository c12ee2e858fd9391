/** The buttons that show all rows of a table. */

export function toggleRows(article: HTMLElement): void {
  for (const button of article.querySelectorAll<HTMLButtonElement>('.toggle button')) {
    const table = document.getElementById(button.getAttribute('aria-controls') ?? '');
    const rows = button.dataset['rows'] ?? '';
    button.addEventListener('click', () => {
      const isAll = table?.classList.toggle('all') === true;
      button.setAttribute('aria-expanded', String(isAll));
      button.textContent = isAll ? 'Show fewer rows' : `Show all ${rows} rows`;
    });
  }
}
